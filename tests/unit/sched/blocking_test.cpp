// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>

#include <weft/weft.hpp>

#include "tests/support/eventually.hpp"
#include "tests/support/fibers.hpp"

using namespace std::chrono_literals;
using weft::testing_support::eventually;
using weft::testing_support::run;

TEST_CASE("blocking: results, by value, by reference and none; exceptions") {
  run([] {
    int n = 3;
    CHECK(weft::blocking([] { return 5; }) == 5);
    CHECK(&weft::blocking([&]() -> int& { return n; }) == &n);
    weft::blocking([&] { ++n; });
    CHECK(n == 4);
    CHECK(*weft::blocking([] { return std::make_unique<int>(6); }) == 6);
    auto move_only = [p = std::make_unique<int>(7)]() mutable { return std::move(p); };
    CHECK(*weft::blocking(move_only) == 7);
    CHECK_THROWS_WITH_AS(weft::blocking([] { throw std::runtime_error("inside"); }), "inside", std::runtime_error);
    weft::yield();
    CHECK(std::uncaught_exceptions() == 0);
  });
}

TEST_CASE("blocking: other fibers run meanwhile, also on one P") {
  run(
      [] {
        std::atomic<bool> release{false};
        std::atomic<bool> inside{false};
        auto blocked = weft::spawn([&] {
          weft::blocking([&] {
            inside = true;
            while (!release) std::this_thread::sleep_for(100us);
          });
        });
        CHECK(eventually([&] { return inside.load(); }));
        for (int i = 0; i < 100; ++i) CHECK(weft::spawn([i] { return i; }).get() == i);
        weft::sleep(1ms);
        CHECK(!blocked.done());
        release = true;
        blocked.get();
      },
      {.procs = 1});
}

// The only P's holder blocks while others are runnable already: they must not wait for it.
TEST_CASE("blocking: hands P on") {
  run(
      [] {
        std::atomic<int> ran{0};
        weft::wait_group all;
        for (int i = 0; i < 50; ++i) all.go([&] { ++ran; });
        const bool served = weft::blocking([&] {
          return eventually([&] { return ran == 50; });  // on a thread without P: sleeps
        });
        CHECK(served);
        all.wait();
        CHECK(weft::runtime_stats().handoffs > 0);
      },
      {.procs = 1});
}

TEST_CASE("blocking: nests") {
  run([] {
    const int v = weft::blocking([] {
      return weft::blocking([] {
               std::this_thread::sleep_for(1ms);
               return weft::blocking([] { return 3; }) + 1;
             }) +
             1;
    });
    CHECK(v == 5);
    CHECK_THROWS_AS(weft::blocking([] { weft::blocking([] { throw 1; }); }), int);
    weft::yield();
    CHECK(weft::spawn([] { return 1; }).get() == 1);
  });
}

TEST_CASE("blocking: everything of weft works inside") {
  run([] {
    weft::chan<int> c;
    weft::chan<int> back(1);
    weft::mutex m;
    auto partner = weft::spawn([c, back]() mutable {
      for (int v : c) CHECK(!back.send(v + 1));
    });
    const auto id = weft::this_fiber::id();
    weft::blocking([&] {
      for (int i = 0; i < 20; ++i) {
        CHECK(!c.send(i));
        CHECK(back.recv() == i + 1);
        const std::lock_guard hold(m);
        CHECK(weft::spawn([i] { return i; }).get() == i);
        CHECK(!weft::sleep(50us));
        weft::yield();
        CHECK(weft::select(weft::on_recv(back, [](auto) {}), weft::after(10us, [] {})) == 1);
        CHECK(weft::this_fiber::id() == id);
        weft::wait_group wg;
        wg.go([] { weft::yield(); });
        wg.wait();
      }
    });
    c.close();
    partner.get();
  });
}

TEST_CASE("blocking: many at once take the time of one") {
  run(
      [] {
        const auto start = weft::clock::now();
        weft::wait_group all;
        for (int i = 0; i < 64; ++i) {
          all.go([] { weft::blocking([] { std::this_thread::sleep_for(20ms); }); });
        }
        all.wait();
        CHECK(std::chrono::duration_cast<std::chrono::milliseconds>(weft::clock::now() - start).count() < 64 * 20 / 2);
        CHECK(weft::runtime_stats().threads_created > 8);
        CHECK(weft::procs() == 1);
      },
      {.procs = 1});
}

// Threads that came back from their calls do not add up to more running fibers than Ps.
TEST_CASE("blocking: never more fibers running than Ps") {
  run(
      [] {
        std::atomic<int> running{0};
        std::atomic<int> most{0};
        weft::wait_group all;
        for (int i = 0; i < 20; ++i) {
          all.go([&] {
            for (int k = 0; k < 20; ++k) {
              weft::blocking([] { std::this_thread::sleep_for(200us); });
              const int n = ++running;
              for (int m = most; n > m && !most.compare_exchange_weak(m, n);) {
              }
              const auto end = weft::clock::now() + 50us;
              while (weft::clock::now() < end) {
              }
              --running;
            }
          });
        }
        all.wait();
        CHECK(most <= 2);
      },
      {.procs = 2});
}

TEST_CASE("blocking: the run waits for calls that are still inside") {
  std::atomic<bool> ended{false};
  std::atomic<bool> inside{false};  // not in main's frame: that one is gone first
  run([&] {
    weft::go([&] {
      weft::blocking([&] {
        inside = true;
        std::this_thread::sleep_for(10ms);
      });
      ended = true;
    });
    CHECK(eventually([&] { return inside.load(); }));
  });
  CHECK(ended);
}
