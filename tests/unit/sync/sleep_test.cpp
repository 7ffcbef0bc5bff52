// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <random>
#include <vector>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using namespace std::chrono_literals;
using weft::testing_support::plain_thread;
using weft::testing_support::run;
using weft::testing_support::scaled;

TEST_CASE("sleep: never early") {
  run([] {
    for (auto time : {1ns, 500ns, 1000ns, 50'000ns, 999'999ns, 3'000'001ns}) {
      const auto start = weft::clock::now();
      CHECK(!weft::sleep(time));
      CHECK(weft::clock::now() - start >= time);
    }
    const auto when = weft::clock::now() + 2ms;
    CHECK(!weft::sleep(when));
    CHECK(weft::clock::now() >= when);
  });
}

TEST_CASE("sleep: zero, negative and past times return at once") {
  run([] {
    const auto start = weft::clock::now();
    CHECK(!weft::sleep(0s));
    CHECK(!weft::sleep(-1h));
    CHECK(!weft::sleep(weft::clock::now() - 1h));
    CHECK(!weft::sleep(weft::clock::time_point::min()));
    CHECK(weft::clock::now() - start < 1s);
  });
}

TEST_CASE("sleep: cancelled") {
  run([] {
    auto own = weft::spawn([] { return weft::sleep(30s); });
    auto for_ever = weft::spawn([] { return weft::sleep(weft::until()); });
    auto too_far = weft::spawn([] { return weft::sleep(std::chrono::hours::max()); });
    weft::cancel_source late(weft::context::background(), 2ms);
    auto context_late = weft::spawn([&] { return weft::sleep({late.context(), 30s}); });
    weft::yield();
    own.cancel();
    for_ever.cancel();
    too_far.cancel();
    CHECK(own.get() == weft::errc::canceled);
    CHECK(for_ever.get() == weft::errc::canceled);
    CHECK(too_far.get() == weft::errc::canceled);
    CHECK(context_late.get() == weft::errc::timed_out);

    // Cancelled before it begins.
    weft::cancel_source done;
    done.cancel();
    CHECK(weft::sleep({done.context(), 30s}) == weft::errc::canceled);
    CHECK(weft::sleep(done.context()) == weft::errc::canceled);
  });
}

TEST_CASE("sleep: fibers wake in the order of their deadlines") {
  run(
      [] {
        // 2 ms apart, so that being late by less than that does not change the order; on one P, so that
        // two Ps cannot overtake each other between waking and writing.
        std::vector<int> order(20);
        for (int i = 0; i < 20; ++i) order[static_cast<std::size_t>(i)] = i;
        std::shuffle(order.begin(), order.end(), std::minstd_rand(7));
        const auto base = weft::clock::now() + 20ms;
        std::vector<int> woken;
        weft::wait_group all;
        for (int i : order) {
          all.go([&woken, base, i] {
            weft::sleep(base + i * 2ms);
            woken.push_back(i);
          });
        }
        all.wait();
        CHECK(woken.size() == 20);
        CHECK(std::is_sorted(woken.begin(), woken.end()));
      },
      {.procs = 1});
}

TEST_CASE("sleep: equal deadlines, many of them") {
  run([] {
    const auto when = weft::clock::now() + 20ms;
    std::atomic<int> early{0};
    std::atomic<int> woken{0};
    weft::wait_group all;
    for (int i = 0; i < scaled(5'000, 1'000); ++i) {
      all.go([&] {
        weft::sleep(when);
        if (weft::clock::now() < when) ++early;
        ++woken;
      });
    }
    all.wait();
    CHECK(early == 0);
    CHECK(woken == scaled(5'000, 1'000));
  });
}

TEST_CASE("sleep: an earlier deadline that comes later is kept") {
  run([] {
    // The runtime is asleep until the far one when the near one arrives, from inside and from outside.
    auto far = weft::spawn([] { return weft::sleep(30s); });
    for (int i = 0; i < 50; ++i) {
      weft::sleep(1ms);
      auto near = weft::spawn([] {
        const auto start = weft::clock::now();
        weft::sleep(1ms);
        return weft::clock::now() - start;
      });
      CHECK(near.get() < 2s);
    }
    plain_thread outside([] {
      for (int i = 0; i < 50; ++i) {
        weft::sleep(1ms);
        const auto start = weft::clock::now();
        weft::spawn([] { weft::sleep(1ms); }).get();
        CHECK(weft::clock::now() - start < 2s);
      }
    });
    outside.join();
    far.cancel();
    CHECK(far.get() == weft::errc::canceled);
  });
}

TEST_CASE("sleep: a busy channel does not starve a timer") {
  run([] {
    weft::chan<int> ping;
    weft::chan<int> pong;
    auto player = weft::spawn([=]() mutable {
      while (auto v = ping.recv()) {
        if (pong.send(*v)) break;
      }
    });
    auto partner = weft::spawn([=]() mutable {
      while (!ping.send(1) && pong.recv()) {
      }
    });
    for (int i = 0; i < 20; ++i) {
      const auto start = weft::clock::now();
      weft::sleep(1ms);
      CHECK(std::chrono::duration_cast<std::chrono::milliseconds>(weft::clock::now() - start).count() < 1000);
    }
    player.cancel();
    partner.cancel();
  });
}

TEST_CASE("sleep: yielding fibers do not starve a timer") {
  run([] {
    std::atomic<bool> stop{false};
    weft::wait_group all;
    for (int i = 0; i < 8; ++i) {
      all.go([&] {
        while (!stop) weft::yield();
      });
    }
    for (int i = 0; i < 20; ++i) {
      const auto start = weft::clock::now();
      weft::sleep(1ms);
      CHECK(std::chrono::duration_cast<std::chrono::milliseconds>(weft::clock::now() - start).count() < 1000);
    }
    stop = true;
    all.wait();
  });
}

TEST_CASE("sleep: on a plain thread, with and without a run") {
  auto check = [] {
    const auto start = weft::clock::now();
    CHECK(!weft::sleep(2ms));
    CHECK(weft::clock::now() - start >= 2ms);
    weft::cancel_source late(weft::context::background(), 1ms);
    CHECK(weft::sleep({late.context(), 30s}) == weft::errc::timed_out);
  };
  check();
  run([&] { plain_thread thread(check); });
}
