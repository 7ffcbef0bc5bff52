// SPDX-License-Identifier: Apache-2.0
// Channels: elements of every kind, handles, forms, errors.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <weft/weft.hpp>

#include "tests/support/eventually.hpp"
#include "tests/support/fibers.hpp"

using namespace std::chrono_literals;
using weft::testing_support::eventually;
using weft::testing_support::plain_thread;
using weft::testing_support::run;

namespace {

// Counts what is alive, to find elements that are leaked or destroyed twice.
struct counted {
  static inline std::atomic<int> alive{0};

  explicit counted(int n = 0) : v(n) { ++alive; }
  counted(counted&& o) noexcept : v(std::exchange(o.v, -1)) { ++alive; }
  counted(const counted& o) : v(o.v) { ++alive; }
  counted& operator=(counted&& o) noexcept {
    v = std::exchange(o.v, -1);
    return *this;
  }
  ~counted() { --alive; }
  int v;
};

struct alignas(128) over_aligned {
  explicit over_aligned(int n = 0) : v(n) {}
  [[nodiscard]] bool well_placed() const { return reinterpret_cast<std::uintptr_t>(this) % 128 == 0; }
  int v;
};

}  // namespace

TEST_CASE("chan: move-only elements") {
  run([] {
    for (std::size_t capacity : {0, 1, 3}) {
      weft::chan<std::unique_ptr<int>> c(capacity);
      auto sender = weft::spawn([c]() mutable {
        for (int i = 0; i < 10; ++i) CHECK(!c.send(std::make_unique<int>(i)));
        c.close();
      });
      int expected = 0;
      for (auto& v : c) CHECK(*v == expected++);
      CHECK(expected == 10);
      sender.get();
    }
  });
}

TEST_CASE("chan: over-aligned elements") {
  run([] {
    for (std::size_t capacity : {0, 3}) {
      weft::chan<over_aligned> c(capacity);
      auto sender = weft::spawn([c]() mutable {
        for (int i = 0; i < 10; ++i) CHECK(!c.send(over_aligned(i)));
      });
      for (int i = 0; i < 10; ++i) {
        auto v = c.recv();
        CHECK(v->v == i);
        CHECK(v->well_placed());
      }
      sender.get();
    }
  });
}

TEST_CASE("chan: elements left in a channel are destroyed with it") {
  run([] {
    {
      weft::chan<counted> c(8);
      for (int i = 0; i < 5; ++i) CHECK(!c.send(counted(i)));
      CHECK(c.recv()->v == 0);  // so that the ring's head is not at its start
      for (int i = 0; i < 4; ++i) CHECK(!c.send(counted(i)));
      CHECK(c.size() == 8);
      CHECK(counted::alive == 8);
    }
    CHECK(counted::alive == 0);
  });
}

TEST_CASE("chan: the ring wraps around") {
  run([] {
    weft::chan<counted> c(3);
    int in = 0;
    int out = 0;
    for (int round = 0; round < 50; ++round) {
      for (int i = 0; i < 1 + round % 3; ++i) CHECK(!c.send(counted(in++)));
      while (c.size() > 0) CHECK(c.recv()->v == out++);
    }
    CHECK(in == out);
    CHECK(counted::alive == 0);
  });
}

TEST_CASE("chan: handles") {
  run([] {
    weft::chan<int> a(1);
    weft::chan<int> b = a;
    CHECK(a == b);
    CHECK(a != weft::chan<int>(1));
    CHECK(!b.send(1));
    CHECK(a.size() == 1);
    weft::chan<int> moved = std::move(b);
    CHECK(moved.recv() == 1);
    b = moved;  // NOLINT: assigning to a moved-from handle is fine
    CHECK(a == b);
    weft::chan<int>& self = a;
    a = self;
    CHECK(a == b);
    CHECK(static_cast<bool>(a));
    CHECK(!static_cast<bool>(weft::chan<int>(nullptr)));
    CHECK(weft::chan<int>(nullptr) == weft::chan<int>(nullptr));

    // The last handle is a waiting fiber's own.
    weft::chan<int> gone;
    auto sender = weft::spawn([gone]() mutable { return gone.send(5); });
    CHECK(std::exchange(gone, weft::chan<int>(nullptr)).recv() == 5);
    CHECK(!sender.get());
  });
}

TEST_CASE("chan: capacity out of range") {
  const auto make = [](auto n) { return weft::chan<int>(static_cast<std::size_t>(n)).capacity(); };
  CHECK_THROWS_AS(make(-1), std::length_error);
  CHECK_THROWS_AS(make(PTRDIFF_MAX), std::length_error);
  CHECK(make(1000) == 1000);
}

TEST_CASE("chan: nil") {
  run([] {
    weft::chan<int> nil(nullptr);
    CHECK(nil.capacity() == 0);
    CHECK(nil.size() == 0);
    CHECK(!nil.closed());
    CHECK(nil.try_send(1) == weft::errc::would_block);
    CHECK(nil.try_recv().error() == weft::errc::would_block);
    CHECK(nil.send(1, 1ms) == weft::errc::timed_out);
    CHECK(nil.recv(1ms).error() == weft::errc::timed_out);
    auto waiter = weft::spawn([nil]() mutable { return nil.recv(); });
    weft::yield();
    waiter.cancel();
    CHECK(waiter.get().error() == weft::errc::canceled);
  });
}

TEST_CASE("chan: range-for ends at close, after draining, and at cancellation") {
  run([] {
    weft::chan<int> c(4);
    for (int i = 0; i < 4; ++i) CHECK(!c.send(i));
    c.close();
    int n = 0;
    for (int v : c) CHECK(v == n++);
    CHECK(n == 4);

    weft::chan<int> silent;
    auto reader = weft::spawn([silent]() mutable {
      int values = 0;
      for ([[maybe_unused]] int v : silent) ++values;
      return values;
    });
    CHECK(!silent.send(1));
    reader.cancel();
    CHECK(reader.get() == 1);
  });
}

TEST_CASE("chan: a send that fails leaves the value alone") {
  run([] {
    auto value = std::make_unique<int>(7);
    auto kept = [&value] { return value != nullptr && *value == 7; };

    weft::chan<std::unique_ptr<int>> c;
    CHECK(c.try_send(std::move(value)) == weft::errc::would_block);
    CHECK(kept());
    CHECK(c.send(std::move(value), 1ms) == weft::errc::timed_out);
    CHECK(kept());
    CHECK(c.send(std::move(value), 0ms) == weft::errc::timed_out);
    CHECK(kept());
    weft::cancel_source source;
    source.cancel();
    CHECK(c.send(std::move(value), source.context()) == weft::errc::canceled);
    CHECK(kept());
    auto closer = weft::spawn([c]() mutable {
      weft::sleep(1ms);
      c.close();
    });
    CHECK(c.send(std::move(value)) == weft::errc::closed);
    CHECK(kept());
    CHECK(c.send(std::move(value)) == weft::errc::closed);
    CHECK(kept());
    closer.get();
  });
}

TEST_CASE("chan: zero and negative timeouts do not wait, and take what is there") {
  run([] {
    weft::chan<int> c(1);
    for (auto timeout : {0ms, -1ms, -1'000'000ms}) {
      CHECK(c.recv(timeout).error() == weft::errc::timed_out);
      CHECK(!c.send(1, timeout));
      CHECK(c.send(1, timeout) == weft::errc::timed_out);
      CHECK(c.recv(timeout) == 1);
    }
    CHECK(c.recv(std::chrono::nanoseconds::min()).error() == weft::errc::timed_out);
    CHECK(c.recv(weft::clock::time_point::min()).error() == weft::errc::timed_out);
    CHECK(c.recv(weft::clock::now() - 1h).error() == weft::errc::timed_out);
  });
}

TEST_CASE("chan: every form of until") {
  run([] {
    weft::chan<int> c;
    const auto start = weft::clock::now();
    CHECK(c.recv(3ms).error() == weft::errc::timed_out);
    CHECK(weft::clock::now() - start >= 3ms);
    CHECK(c.recv(weft::clock::now() + 3ms).error() == weft::errc::timed_out);

    weft::cancel_source late(weft::context::background(), 3ms);
    CHECK(c.recv(late.context()).error() == weft::errc::timed_out);  // the context's own deadline

    weft::cancel_source source;
    CHECK(c.recv({source.context(), 3ms}).error() == weft::errc::timed_out);
    auto canceler = weft::spawn([&] {
      weft::sleep(2ms);
      source.cancel();
    });
    CHECK(c.recv({source.context(), 30s}).error() == weft::errc::canceled);
    canceler.get();

    std::stop_source stop;
    auto stopper = weft::spawn([&] {
      weft::sleep(2ms);
      stop.request_stop();
    });
    CHECK(c.recv(stop.get_token()).error() == weft::errc::canceled);
    CHECK(c.recv(stop.get_token()).error() == weft::errc::canceled);  // already requested
    stopper.get();

    // Times too far away for the clock are no deadline at all.
    auto sender = weft::spawn([c]() mutable { return c.send(4, std::chrono::hours::max()); });
    CHECK(c.recv(std::chrono::hours::max()) == 4);
    CHECK(!sender.get());
  });
}

TEST_CASE("chan: a stop requested by a plain thread") {
  run([] {
    weft::chan<int> c;
    std::stop_source stop;
    plain_thread thread([&] {
      std::this_thread::sleep_for(2ms);
      stop.request_stop();
    });
    CHECK(c.recv(stop.get_token()).error() == weft::errc::canceled);
  });
}

TEST_CASE("chan: the fiber's own context is watched, except with never()") {
  run([] {
    weft::chan<int> c;
    auto polite = weft::spawn([c]() mutable { return c.recv(); });
    auto with_timeout = weft::spawn([c]() mutable { return c.recv(30s); });
    weft::yield();
    polite.cancel();
    with_timeout.cancel();
    CHECK(polite.get().error() == weft::errc::canceled);
    CHECK(with_timeout.get().error() == weft::errc::canceled);

    auto stubborn = weft::spawn([c]() mutable { return c.recv(weft::until::never()); });
    stubborn.cancel();
    weft::sleep(2ms);
    CHECK(!stubborn.done());
    CHECK(!c.send(3));
    CHECK(stubborn.get() == 3);

    // What can complete at once completes, cancelled or not: no value is lost.
    weft::chan<int> ready(1);
    CHECK(!ready.send(9));
    auto canceled = weft::spawn([ready]() mutable {
      CHECK(weft::sleep(weft::until()) == weft::errc::canceled);
      CHECK(ready.recv() == 9);
      CHECK(!ready.send(10));
      return ready.recv(5s).value_or(-1) + (ready.recv() ? 1000 : 0);
    });
    canceled.cancel();
    CHECK(canceled.get() == 10);
  });
}

TEST_CASE("chan: values are kept by a channel over cancelled receivers") {
  // On one P, where a yield lets them all park: one that came later could take a value although cancelled.
  const auto body = [] {
    weft::chan<int> c;
    std::vector<weft::task<std::expected<int, std::error_code>>> receivers;
    for (int i = 0; i < 10; ++i) receivers.push_back(weft::spawn([c]() mutable { return c.recv(); }));
    weft::yield();
    for (std::size_t i = 0; i < 10; i += 2) receivers[i].cancel();
    for (int i = 0; i < 5; ++i) CHECK(!c.send(i));
    int sum = 0;
    int canceled = 0;
    for (auto& r : receivers) {
      const auto v = r.get();
      if (v) {
        sum += *v;
      } else {
        ++canceled;
      }
    }
    CHECK(sum == 10);
    CHECK(canceled == 5);
  };
  run(body, {.procs = 1});
}
