// SPDX-License-Identifier: Apache-2.0
// What the runtime says about itself: dumps and counters.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include <weft/weft.hpp>

#include "tests/support/eventually.hpp"
#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using namespace std::chrono_literals;
using weft::testing_support::eventually;
using weft::testing_support::plain_thread;
using weft::testing_support::procs;
using weft::testing_support::run;
using weft::testing_support::scaled;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("dump: names, ids, reasons and spawn sites") {
  run([] {
    weft::chan<int> c;
    std::atomic<std::uint64_t> id{0};
    auto receiver = weft::spawn(
        [c, &id]() mutable {
          id = weft::this_fiber::id();
          (void)c.recv();
        },
        {.name = "a-receiver"});
    auto sleeper = weft::spawn([] { (void)weft::sleep(1h); }, {.name = "a-sleeper"});
    std::string text;
    const bool shown = eventually([&] {
      text = weft::dump_fibers();
      return has(text, "chan receive") && has(text, "sleep");
    });
    CHECK_MESSAGE(shown, text);
    CHECK_MESSAGE(has(text, "a-receiver"), text);
    CHECK_MESSAGE(has(text, "a-sleeper"), text);
    CHECK_MESSAGE(has(text, "dump_test.cpp"), text);
    CHECK_MESSAGE(has(text, std::to_string(id)), text);
    CHECK_MESSAGE(has(text, "running"), text);
  });
}

TEST_CASE("dump: many fibers that are alike take little room") {
  run([] {
    weft::chan<int> c;
    for (int i = 0; i < 1'000; ++i) weft::go([c]() mutable { (void)c.recv(); });
    CHECK(eventually([] { return weft::dump_fibers().size() < 20'000; }));
    CHECK(weft::num_fibers() == 1'001);
  });
}

// A dump races with everything it looks at.
TEST_CASE("dump: while fibers come and go") {
  run([] {
    std::atomic<bool> stop{false};
    weft::wait_group all;
    for (int f = 0; f < 4; ++f) {
      all.go([&] {
        while (!stop) {
          weft::spawn([] { weft::yield(); }, {.name = "comes-and-goes"}).get();
          weft::sleep(1us);
        }
      });
    }
    {
      plain_thread outside([&] {
        for (int i = 0; i < scaled(300, 50); ++i) (void)weft::dump_fibers();
      });
      for (int i = 0; i < scaled(300, 50); ++i) {
        CHECK(has(weft::dump_fibers(), "running"));
        (void)weft::num_fibers();
        weft::yield();
      }
    }
    stop = true;
    all.wait();
  });
}

TEST_CASE("stats: they move") {
  run([] {
    const auto before = weft::runtime_stats();
    weft::wait_group all;
    for (int i = 0; i < 100; ++i) all.go([] { weft::yield(); });
    all.wait();
    weft::sleep(5ms);
    weft::blocking([] {});
    const auto after = weft::runtime_stats();
    CHECK(after.spawned - before.spawned == 100);
    // Each fiber once, and main; a yield that finds nobody to yield to is no schedule.
    CHECK(after.schedules - before.schedules > 100);
    CHECK(after.threads >= 1);
    CHECK(after.threads_created >= after.threads);
    CHECK(after.runnable_but_idle == 0);
  });
}

TEST_CASE("stats: steals and wake-ups") {
  run([] {
    if (procs() == 1) return;
    for (int round = 0; round < 20; ++round) {
      weft::sleep(1ms);  // all but one M asleep
      weft::wait_group all;
      for (int i = 0; i < 64; ++i) {
        all.go([] {
          const auto end = weft::clock::now() + 100us;
          while (weft::clock::now() < end) {
          }
        });
      }
      all.wait();
    }
    const auto s = weft::runtime_stats();
    CHECK(s.steals > 0);
    CHECK(s.stolen >= s.steals);
    CHECK(s.wakeups > 0);
  });
}

TEST_CASE("stats: num_fibers counts the living") {
  run([] {
    CHECK(weft::num_fibers() == 1);
    weft::chan<int> gate;
    weft::wait_group all;
    for (int i = 0; i < 10; ++i) all.go([gate]() mutable { (void)gate.recv(); });
    CHECK(weft::num_fibers() == 11);
    gate.close();
    all.wait();
    CHECK(eventually([] { return weft::num_fibers() == 1; }));
  });
}
