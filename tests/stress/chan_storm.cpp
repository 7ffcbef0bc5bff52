// SPDX-License-Identifier: Apache-2.0
// Producers and consumers in every phrasing, cancelled and timed out at random. Nothing is lost and
// nothing comes twice: what was sent successfully is what was received.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using namespace std::chrono_literals;
using weft::testing_support::plain_thread;
using weft::testing_support::run;
using weft::testing_support::scaled;

namespace {

// Counts and sums of what went in and what came out; a value that is duplicated or lost changes both,
// one that is exchanged for another changes the sum of squares.
struct ledger {
  std::atomic<std::uint64_t> n{0};
  std::atomic<std::uint64_t> sum{0};
  std::atomic<std::uint64_t> squares{0};

  void add(std::uint64_t v) {
    n += 1;
    sum += v;
    squares += v * v;
  }
};

void check_equal(const ledger& in, const ledger& out) {
  CHECK(in.n == out.n);
  CHECK(in.sum == out.sum);
  CHECK(in.squares == out.squares);
}

using owner = std::unique_ptr<std::uint64_t>;

struct storm {
  explicit storm(std::size_t capacity) : a(capacity), b(capacity) {}

  weft::chan<owner> a;
  weft::chan<owner> b;
  ledger in;
  ledger out;
  std::atomic<std::uint64_t> next{1};

  // A value that was not sent must still be there.
  void sent(std::error_code ec, const owner& kept, std::uint64_t v) {
    if (!ec) {
      in.add(v);
    } else {
      CHECK((kept != nullptr && *kept == v));
    }
  }
  void got(std::expected<owner, std::error_code> r) {
    if (r) out.add(**r);
  }

  void produce(unsigned seed, int ops) {
    std::minstd_rand random(seed);
    for (int i = 0; i < ops; ++i) {
      const std::uint64_t v = next++;
      auto value = std::make_unique<std::uint64_t>(v);
      auto& c = random() % 2 == 0 ? a : b;
      switch (random() % 6) {
        case 0:
          sent(c.try_send(std::move(value)), value, v);
          break;
        case 1:
          sent(c.send(std::move(value), std::chrono::microseconds(random() % 100)), value, v);
          break;
        case 2: {
          weft::cancel_source source;
          auto canceler = weft::spawn([&] { source.cancel(); });
          sent(c.send(std::move(value), source.context()), value, v);
          canceler.get();
          break;
        }
        case 3:
          weft::select(weft::on_send(c, std::move(value),
                                     [&](std::error_code ec) {
                                       if (!ec) in.add(v);
                                     }),
                       weft::on_recv(&c == &a ? b : a, [&](auto r) { got(std::move(r)); }));
          break;
        case 4:
          weft::select(weft::on_send(c, std::move(value),
                                     [&](std::error_code ec) {
                                       if (!ec) in.add(v);
                                     }),
                       weft::after(std::chrono::microseconds(random() % 100), [] {}));
          break;
        default:
          sent(c.send(std::move(value)), value, v);
          break;
      }
    }
  }

  // Until both channels are closed and empty.
  void consume(unsigned seed) {
    std::minstd_rand random(seed);
    bool a_open = true;
    bool b_open = true;
    while (a_open || b_open) {
      auto& c = (random() % 2 == 0 && a_open) || !b_open ? a : b;
      bool& open = &c == &a ? a_open : b_open;
      auto take = [&](std::expected<owner, std::error_code> r) {
        if (!r && r.error() == weft::errc::closed) open = false;
        got(std::move(r));
      };
      switch (random() % 5) {
        case 0:
          take(c.try_recv());
          weft::yield();
          break;
        case 1:
          take(c.recv(std::chrono::microseconds(random() % 100)));
          break;
        case 2: {
          weft::cancel_source source;
          auto canceler = weft::spawn([&] { source.cancel(); });
          take(c.recv(source.context()));
          canceler.get();
          break;
        }
        case 3:
          weft::select(weft::on_recv(c, take), weft::after(std::chrono::microseconds(random() % 100), [] {}));
          break;
        default:
          // Without a limit only on both: if all consumers waited for one channel, the last producer could wait for
          // somebody to take from the other.
          if (a_open && b_open) {
            weft::select(weft::on_recv(a, [&](auto r) { a_open = r.has_value(), got(std::move(r)); }),
                         weft::on_recv(b, [&](auto r) { b_open = r.has_value(), got(std::move(r)); }));
          } else {
            take(c.recv());
          }
          break;
      }
    }
  }
};

}  // namespace

TEST_CASE("stress/chan_storm: fibers") {
  constexpr int ops = scaled(5'000, 500);
  for (std::size_t capacity : {0, 1, 64}) {
    run([capacity] {
      storm s(capacity);
      weft::wait_group producers;
      weft::wait_group consumers;
      for (unsigned i = 0; i < 8; ++i) {
        producers.go([&s, i] { s.produce(i + 1, ops); });
        consumers.go([&s, i] { s.consume(100 + i); });
      }
      producers.wait();
      s.a.close();
      s.b.close();
      consumers.wait();
      check_equal(s.in, s.out);
      CHECK(s.in.n > 0);
    });
  }
}

TEST_CASE("stress/chan_storm: fibers and threads") {
  constexpr int count = scaled(30'000, 3'000);
  for (std::size_t capacity : {0, 16}) {
    run([capacity] {
      weft::chan<std::uint64_t> c(capacity);
      ledger in;
      ledger out;
      weft::wait_group producers;
      weft::wait_group consumers;
      auto produce = [&, c](std::uint64_t from) mutable {
        for (std::uint64_t v = from; v < from + count; ++v) {
          if (!c.send(v)) in.add(v);
        }
      };
      auto consume = [&, c]() mutable {
        for (std::uint64_t v : c) out.add(v);
      };
      for (std::uint64_t i = 0; i < 3; ++i) {
        producers.go([produce, i]() mutable { produce(i * count); });
        consumers.go(consume);
      }
      {
        plain_thread thread_out(consume);
        {
          plain_thread thread_in([produce]() mutable { produce(3 * count); });
        }
        producers.wait();
        c.close();
      }
      consumers.wait();
      CHECK(in.n == 4 * count);
      check_equal(in, out);
    });
  }
}
