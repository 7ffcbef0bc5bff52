// SPDX-License-Identifier: Apache-2.0
// Cancelling at the very moment the awaited thing happens: each wait ends for exactly one reason, and
// what was handed over is neither lost nor doubled.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <vector>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using namespace std::chrono_literals;
using weft::testing_support::run;
using weft::testing_support::scaled;

namespace {

constexpr int rounds = scaled(30'000, 3'000);

}  // namespace

TEST_CASE("stress/cancel_storm: receive against send") {
  run([] {
    int lost = 0;
    int both = 0;
    int canceled = 0;
    for (int i = 0; i < rounds; ++i) {
      weft::chan<int> c;
      weft::cancel_source source;
      auto receiver = weft::spawn([&, c]() mutable { return c.recv(source.context()); });
      auto canceler = weft::spawn([&] { source.cancel(); });
      if (i % 2 == 0) weft::yield();
      const auto sent = c.try_send(i);
      canceler.get();
      const auto got = receiver.get();
      lost += !sent && !got;
      both += sent && got;
      canceled += !got && got.error() == weft::errc::canceled;
      if (!got) CHECK(got.error() == weft::errc::canceled);
    }
    CHECK(lost == 0);
    CHECK(both == 0);
    CHECK(canceled > 0);
  });
}

TEST_CASE("stress/cancel_storm: send against receive") {
  run([] {
    int wrong = 0;
    for (int i = 0; i < rounds; ++i) {
      weft::chan<int> c;
      weft::cancel_source source;
      auto sender = weft::spawn([&, c, i]() mutable { return c.send(i, source.context()); });
      auto canceler = weft::spawn([&] { source.cancel(); });
      if (i % 2 == 0) weft::yield();
      const auto got = c.try_recv();
      canceler.get();
      const auto sent = sender.get();
      wrong += got.has_value() != !sent;
      if (sent) CHECK(sent == weft::errc::canceled);
    }
    CHECK(wrong == 0);
  });
}

// Three sources at once: a value, a deadline and a cancellation.
TEST_CASE("stress/cancel_storm: value, deadline and cancellation") {
  run([] {
    std::atomic<int> sent{0};
    std::atomic<int> received{0};
    std::atomic<int> timed_out{0};
    std::atomic<int> canceled{0};
    weft::chan<int> c;
    weft::wait_group all;
    for (unsigned w = 0; w < 8; ++w) {
      all.go([&, w] {
        std::minstd_rand random(w + 1);
        for (int i = 0; i < rounds / 8; ++i) {
          weft::cancel_source source;
          auto canceler = weft::spawn([&, pause = random() % 60] {
            weft::sleep(std::chrono::microseconds(pause));
            source.cancel();
          });
          const weft::until u(source.context(), std::chrono::microseconds(random() % 60));
          if (w % 2 == 0) {
            auto r = c.recv(u);
            if (r) {
              ++received;
            } else {
              ++(r.error() == weft::errc::timed_out ? timed_out : canceled);
            }
          } else {
            const auto ec = c.send(1, u);
            if (!ec) {
              ++sent;
            } else {
              ++(ec == weft::errc::timed_out ? timed_out : canceled);
            }
          }
        }
      });
    }
    all.wait();
    CHECK(sent == received);
    CHECK(timed_out > 0);
    CHECK(canceled > 0);
    CHECK(sent + received + timed_out + canceled == rounds / 8 * 8);
  });
}

TEST_CASE("stress/cancel_storm: sleep") {
  run([] {
    int wrong = 0;
    for (int i = 0; i < rounds; ++i) {
      auto sleeper = weft::spawn([i] { return weft::sleep(std::chrono::microseconds(i % 30)); });
      if (i % 3 == 0) weft::yield();
      sleeper.cancel();
      const auto ec = sleeper.get();
      wrong += ec && ec != weft::errc::canceled;
    }
    CHECK(wrong == 0);
  });
}

TEST_CASE("stress/cancel_storm: mutex") {
  run([] {
    weft::mutex m;
    std::int64_t guarded = 0;
    std::int64_t expected = 0;
    for (int i = 0; i < rounds; ++i) {
      m.lock();
      auto waiter = weft::spawn([&] {
        if (m.lock(weft::until())) return false;
        ++guarded;
        m.unlock();
        return true;
      });
      if (i % 2 == 0) weft::yield();
      auto canceler = weft::spawn([&] { waiter.cancel(); });
      m.unlock();
      canceler.get();
      expected += waiter.get();
      // Whether it got the mutex or gave up: it is free now.
      if (!m.try_lock()) {
        CHECK_MESSAGE(false, "the mutex was handed to a waiter that had given up");
        return;
      }
      m.unlock();
    }
    CHECK(guarded == expected);
  });
}
