// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"

using namespace std::chrono_literals;
using weft::testing_support::run;

TEST_CASE("group: waits for all") {
  run([] {
    weft::group g;
    std::atomic<int> ran{0};
    for (int i = 0; i < 50; ++i) {
      CHECK(!g.go([&ran, i] {
        if (i % 5 == 0) weft::yield();
        ++ran;
      }));
    }
    CHECK(!g.wait());
    CHECK(ran == 50);
    CHECK(g.size() == 0);
    CHECK(!g.context().done());
    CHECK(!g.go([&] { ++ran; }));  // can be used again
    CHECK(!g.wait());
    CHECK(ran == 51);
  });
}

TEST_CASE("group: the first error cancels the others and is returned") {
  run([] {
    weft::group g;
    std::atomic<int> canceled{0};
    for (int i = 0; i < 10; ++i) {
      (void)g.go([&] {
        const auto ec = weft::sleep(30s);
        if (ec == weft::errc::canceled) ++canceled;
        return ec;
      });
    }
    (void)g.go([]() -> std::error_code { return std::make_error_code(std::errc::io_error); });
    CHECK(g.wait() == std::errc::io_error);
    CHECK(canceled == 10);
    CHECK(g.context().error() == weft::errc::canceled);
    CHECK(g.wait() == std::errc::io_error);
  });
}

TEST_CASE("group: the first exception cancels the others and is rethrown") {
  run([] {
    weft::group g;
    std::atomic<int> canceled{0};
    for (int i = 0; i < 10; ++i) {
      (void)g.go([&] {
        if (weft::sleep(30s)) ++canceled;
      });
    }
    (void)g.go([] { throw std::runtime_error("first"); });
    CHECK_THROWS_WITH_AS((void)g.wait(), "first", std::runtime_error);
    CHECK(canceled == 10);
  });
}

TEST_CASE("group: an exception that nobody waits for dies with the group") {
  run([] {
    weft::group g;
    (void)g.go([] { throw std::runtime_error("unseen"); });
  });
}

TEST_CASE("group: limit") {
  run([] {
    weft::group g;
    g.limit(3);
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
    std::atomic<int> ran{0};
    for (int i = 0; i < 60; ++i) {
      CHECK(!g.go([&] {
        const int n = ++inside;
        for (int m = most; n > m && !most.compare_exchange_weak(m, n);) {
        }
        CHECK(g.size() <= 3);
        weft::yield();
        --inside;
        ++ran;
      }));
    }
    CHECK(!g.wait());
    CHECK(most <= 3);
    CHECK(ran == 60);
    g.limit(0);
    for (int i = 0; i < 20; ++i) CHECK(!g.go([] { weft::sleep(1ms); }));
    CHECK(g.size() > 3);
    CHECK(!g.wait());
  });
}

TEST_CASE("group: raising the limit lets waiting spawners in; cancelling them ends their wait") {
  run([] {
    weft::group g;
    g.limit(1);
    weft::chan<bool> gate;
    CHECK(!g.go([gate]() mutable { (void)gate.recv(weft::until::never()); }));
    auto spawner = weft::spawn([&] { return g.go([] {}); });
    auto impatient = weft::spawn([&] { return g.go([] {}); });
    weft::sleep(1ms);
    CHECK(!spawner.done());
    impatient.cancel();
    CHECK(impatient.get() == weft::errc::canceled);
    g.limit(2);
    CHECK(!spawner.get());
    CHECK(!gate.send(true));
    CHECK(!g.wait());
  });
}

TEST_CASE("group: wait(until)") {
  run([] {
    weft::group g;
    weft::chan<bool> gate;
    (void)g.go([gate]() mutable { (void)gate.recv(); });
    CHECK(g.wait(2ms) == weft::errc::timed_out);
    auto waiter = weft::spawn([&] { return g.wait(); });
    waiter.cancel();
    CHECK(waiter.get() == weft::errc::canceled);
    CHECK(g.size() == 1);
    CHECK(!gate.send(true));
    CHECK(!g.wait());
  });
}

TEST_CASE("group: its destructor cancels and joins") {
  run([] {
    auto shared = std::make_shared<int>(0);
    std::atomic<int> ended{0};
    {
      weft::group g;
      for (int i = 0; i < 20; ++i) {
        (void)g.go([&, copy = shared] {
          CHECK(weft::sleep(30s) == weft::errc::canceled);
          weft::yield();
          ++ended;
        });
      }
    }
    CHECK(ended == 20);
    CHECK(shared.use_count() == 1);
  });
}

TEST_CASE("group: moves with its fibers inside") {
  run([] {
    weft::chan<int> gate;
    std::atomic<int> ended{0};
    weft::group a;
    (void)a.go([&, gate]() mutable { ended += gate.recv().value_or(0); });
    weft::group b = std::move(a);
    CHECK(b.size() == 1);
    CHECK(!gate.send(1));
    CHECK(!b.wait());
    CHECK(ended == 1);
    weft::group c;
    (void)c.go([&] {
      CHECK(weft::sleep(30s) == weft::errc::canceled);
      ended += 10;
    });
    c = std::move(b);  // cancels and joins the one it had
    CHECK(ended == 11);
    CHECK(!c.wait());
  });
}

TEST_CASE("group: nests, and a parent's cancellation reaches the leaves") {
  run([] {
    std::atomic<int> leaves{0};
    weft::group outer;
    for (int i = 0; i < 4; ++i) {
      (void)outer.go([&] {
        weft::group inner;  // below this fiber's context, which is the outer group's
        for (int k = 0; k < 4; ++k) {
          (void)inner.go([&] {
            if (weft::sleep(30s) == weft::errc::canceled) ++leaves;
          });
        }
        return inner.wait(weft::until::never());
      });
    }
    weft::sleep(1ms);
    outer.cancel();
    CHECK(!outer.wait());
    CHECK(leaves == 16);
  });
}

TEST_CASE("group: spawning from inside while waiting") {
  run([] {
    weft::group g;
    std::atomic<int> ran{0};
    std::function<void(int)> grow = [&](int depth) {
      ++ran;
      if (depth == 0) return;
      (void)g.go([&, depth] { grow(depth - 1); });
      (void)g.go([&, depth] { grow(depth - 1); });
    };
    (void)g.go([&] { grow(6); });
    CHECK(!g.wait());
    CHECK(ran == 127);
  });
}
