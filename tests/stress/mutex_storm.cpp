// SPDX-License-Identifier: Apache-2.0
// Mutual exclusion under contention from fibers and threads, with waiters that give up.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <random>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using weft::testing_support::plain_thread;
using weft::testing_support::run;
using weft::testing_support::scaled;

TEST_CASE("stress/mutex_storm") {
  constexpr int ops = scaled(20'000, 2'000);
  run([] {
    weft::mutex m;
    // Not atomic on purpose: two holders at once lose counts (and the thread sanitizer says so).
    std::int64_t count = 0;
    int inside = 0;
    std::atomic<std::int64_t> expected{0};
    std::atomic<int> overlaps{0};

    auto hold = [&](bool park) {
      if (++inside != 1) ++overlaps;
      ++count;
      if (park) weft::yield();
      if (--inside != 0) ++overlaps;
      ++expected;
    };
    auto work = [&](unsigned seed) {
      std::minstd_rand random(seed);
      for (int i = 0; i < ops; ++i) {
        switch (random() % 5) {
          case 0:
            if (m.try_lock()) {
              hold(false);
              m.unlock();
            }
            break;
          case 1:
            if (!m.lock(std::chrono::microseconds(random() % 50))) {
              hold(random() % 8 == 0);
              m.unlock();
            }
            break;
          case 2: {
            weft::cancel_source source;
            if (random() % 2 == 0) source.cancel();
            if (!m.lock(source.context())) {
              hold(false);
              m.unlock();
            }
            break;
          }
          default: {
            const std::lock_guard hold_it(m);
            hold(random() % 8 == 0);
          }
        }
      }
    };
    weft::wait_group all;
    for (unsigned i = 1; i <= 8; ++i) all.go([&work, i] { work(i); });
    {
      plain_thread one([&] { work(100); });
      plain_thread two([&] { work(200); });
    }
    all.wait();
    CHECK(overlaps == 0);
    CHECK(count == expected);
    CHECK(m.try_lock());
    m.unlock();
  });
}
