// SPDX-License-Identifier: Apache-2.0
// The run: its result, its options, and running again and again.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

#include <weft/weft.hpp>

#include "tests/support/eventually.hpp"
#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using namespace std::chrono_literals;
using weft::testing_support::plain_thread;
using weft::testing_support::procs;
using weft::testing_support::run;
using weft::testing_support::scaled;

TEST_CASE("run: returns what main returns") {
  CHECK(weft::run([] { return 42; }, {.procs = procs()}) == 42);
  CHECK(weft::run([] {}, {.procs = procs()}) == 0);
  CHECK(weft::run([] { return -1; }, {.procs = procs()}) == -1);
}

TEST_CASE("run: rethrows what main throws, and can run again") {
  CHECK_THROWS_WITH_AS(run([] { throw std::runtime_error("from main"); }), "from main", std::runtime_error);
  CHECK_THROWS_AS(run([] {
                    weft::yield();
                    weft::sleep(1ms);
                    throw 5;
                  }),
                  int);
  CHECK(run([] { return 1; }) == 1);
}

TEST_CASE("run: when main throws the others are cancelled and waited for") {
  std::atomic<bool> ended{false};
  CHECK_THROWS_AS(run([&] {
                    weft::go([&] {
                      CHECK(weft::sleep(30s) == weft::errc::canceled);
                      weft::yield();
                      ended = true;
                    });
                    weft::yield();
                    throw std::runtime_error("x");
                  }),
                  std::runtime_error);
  CHECK(ended);
}

TEST_CASE("run: when main returns the others are cancelled and waited for") {
  std::atomic<int> ended{0};
  weft::context context_of_main;
  run([&] {
    context_of_main = weft::this_fiber::context();
    for (int i = 0; i < 100; ++i) {
      weft::go([&] {
        CHECK(weft::sleep(weft::until()) == weft::errc::canceled);
        weft::yield();
        ++ended;
      });
    }
    weft::go([&] {  // and what they spawn meanwhile
      (void)weft::sleep(weft::until());
      weft::go([&] {
        CHECK(weft::this_fiber::context().done());
        ++ended;
      });
      ++ended;
    });
  });
  CHECK(ended == 102);
  CHECK(weft::num_fibers() == 0);
}

TEST_CASE("run: many times in a row") {
  constexpr int times = scaled(1'000, 100);
  std::atomic<int> ran{0};
  for (int i = 0; i < times; ++i) {
    run([&] {
      weft::go([&] { ++ran; });
      if (i % 3 == 0) weft::sleep(10us);
      if (i % 5 == 0) weft::blocking([] {});
    });
  }
  CHECK(ran == times);
}

TEST_CASE("run: with work left over each time") {
  constexpr int times = scaled(200, 30);
  for (int i = 0; i < times; ++i) {
    run([&] {
      weft::chan<int> c;
      for (int f = 0; f < 20; ++f) {
        weft::go([c, f]() mutable {
          if (f % 2 == 0) weft::yield();
          while (!c.send(f)) {
          }
        });
      }
      for (int k = 0; k < i % 30; ++k) (void)c.recv();
    });
    CHECK(weft::num_fibers() == 0);
  }
}

TEST_CASE("run: from a thread other than the program's first") {
  std::thread([] { CHECK(run([] { return 3; }) == 3); }).join();
}

TEST_CASE("run: one at a time, and not on a fiber") {
  run([] {
    CHECK_THROWS_AS(weft::run([] {}), std::logic_error);
    plain_thread thread([] { CHECK_THROWS_AS(weft::run([] {}), std::logic_error); });
  });
  CHECK(run([] { return 2; }) == 2);
}

TEST_CASE("run: options out of range") {
  CHECK_THROWS_AS(weft::run([] {}, {.procs = -1}), std::invalid_argument);
  CHECK_THROWS_AS(weft::run([] {}, {.procs = 1'000'000}), std::invalid_argument);
  CHECK_THROWS_AS(weft::run([] {}, {.drain = -1ms}), std::invalid_argument);
  CHECK(weft::run([] { return 1; }, {.procs = 1}) == 1);  // nothing is left of the failures
}

TEST_CASE("run: WEFT_PROCS is used when the option is not") {
  ::setenv("WEFT_PROCS", "3", 1);
  weft::run([] {
    CHECK(weft::procs() == 3);
    CHECK(weft::procs_reason().find("WEFT_PROCS") != std::string::npos);
  });
  weft::run([] { CHECK(weft::procs() == 2); }, {.procs = 2});
  ::unsetenv("WEFT_PROCS");
  weft::run([] {
    CHECK(weft::procs() >= 1);
    CHECK(!weft::procs_reason().empty());
  });
}

TEST_CASE("run: looking from outside") {
  CHECK(weft::procs() == 0);
  CHECK(weft::procs_reason().empty());
  CHECK(weft::num_fibers() == 0);
  CHECK(weft::runtime_stats().schedules == 0);
  (void)weft::dump_fibers();
  CHECK(weft::this_fiber::id() == 0);
  CHECK(weft::this_fiber::name().empty());
  CHECK(weft::this_fiber::stack_remaining() == 0);
  weft::yield();
  CHECK(weft::blocking([] { return 5; }) == 5);
}

// The P fibers really run at once: each spins until it has seen all others.
TEST_CASE("run: as many fibers at once as there are Ps") {
  run([] {
    for (int round = 0; round < scaled(200, 50); ++round) {
      std::atomic<int> here{0};
      weft::wait_group all;
      for (int i = 0; i < procs(); ++i) {
        all.go([&] {
          ++here;
          while (here < procs()) std::this_thread::yield();
        });
      }
      all.wait();
    }
  });
}
