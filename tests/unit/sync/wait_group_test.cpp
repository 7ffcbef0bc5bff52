// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using namespace std::chrono_literals;
using weft::testing_support::plain_thread;
using weft::testing_support::run;
using weft::testing_support::scaled;

TEST_CASE("wait_group: waits for all, and can be used again") {
  run([] {
    weft::wait_group wg;
    wg.wait();  // nothing to wait for
    for (int round = 0; round < 100; ++round) {
      std::atomic<int> ran{0};
      for (int i = 0; i < 20; ++i) {
        wg.go([&ran, i] {
          if (i % 4 == 0) weft::yield();
          ++ran;
        });
      }
      wg.wait();
      CHECK(ran == 20);
    }
  });
}

TEST_CASE("wait_group: a negative count is a bug in the program") {
  run([] {
    weft::wait_group wg;
    CHECK_THROWS_AS(wg.done(), std::logic_error);
    wg.add(2);
    CHECK_THROWS_AS(wg.add(-3), std::logic_error);
    wg.add(-2);
    wg.wait();
    CHECK_THROWS_AS(wg.add(-1), std::logic_error);
    wg.wait();
  });
}

TEST_CASE("wait_group: several waiters, fibers and threads") {
  run([] {
    weft::wait_group work;
    weft::wait_group waiters;
    std::atomic<int> through{0};
    work.add(1);
    for (int i = 0; i < 10; ++i) {
      waiters.go([&] {
        work.wait();
        ++through;
      });
    }
    plain_thread thread([&] {
      work.wait();
      ++through;
    });
    weft::sleep(1ms);
    CHECK(through == 0);
    work.done();
    waiters.wait();
    thread.join();
    CHECK(through == 11);
  });
}

TEST_CASE("wait_group: wait(until)") {
  run([] {
    weft::wait_group wg;
    CHECK(!wg.wait(0ms));
    wg.add(1);
    CHECK(wg.wait(0ms) == weft::errc::timed_out);
    CHECK(wg.wait(2ms) == weft::errc::timed_out);
    auto own = weft::spawn([&] { return wg.wait(weft::until()); });
    own.cancel();
    CHECK(own.get() == weft::errc::canceled);
    auto deaf = weft::spawn([&] { wg.wait(); });
    deaf.cancel();
    weft::sleep(1ms);
    CHECK(!deaf.done());
    wg.done();
    deaf.get();
    CHECK(!wg.wait(1ms));
  });
}

// The waiter may destroy it as soon as it is through, while the last done() is still returning.
TEST_CASE("wait_group: destroyed right after wait") {
  constexpr int rounds = scaled(100'000, 20'000);
  run([] {
    for (int i = 0; i < rounds; ++i) {
      auto wg = std::make_unique<weft::wait_group>();
      wg->add(2);
      weft::go([w = wg.get()] { w->done(); });
      weft::go([w = wg.get()] { w->done(); });
      if (i % 2 == 0) weft::yield();
      wg->wait();
      wg.reset();
    }
  });
}

TEST_CASE("wait_group: destroyed right after wait, by a thread") {
  constexpr int rounds = scaled(10'000, 2'000);
  run([] {
    plain_thread thread([] {
      for (int i = 0; i < rounds; ++i) {
        auto wg = std::make_unique<weft::wait_group>();
        wg->go([] {});
        wg->wait();
      }
    });
  });
}

TEST_CASE("wait_group: what a fiber captured is gone before the waiter goes on") {
  run([] {
    for (int i = 0; i < 1000; ++i) {
      auto shared = std::make_shared<int>(i);
      weft::wait_group wg;
      wg.go([copy = shared] { CHECK(*copy >= 0); });
      wg.wait();
      CHECK(shared.use_count() == 1);
    }
  });
}
