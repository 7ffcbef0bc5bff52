// SPDX-License-Identifier: Apache-2.0
// Timers that nobody watched although a P was idle: armed while nobody slept in the poller; and a timer object that
// outlived its run.
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>

#include <weft/detail/testing.hpp>
#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/skip.hpp"

using namespace std::chrono_literals;
using weft::testing_support::plain_thread;
using weft::testing_support::procs;
using weft::testing_support::run;
using weft::testing_support::skip;

namespace {
constexpr const char* needs_idle_p =
    "it needs an idle P: a hog's own P is taken from it only by the lease, which is not there yet";
}

TEST_CASE("regress/timers: a timer fires while the only fiber computes, if there is an idle P") {
  if (procs() == 1) return skip(needs_idle_p);
  run([] {
    weft::timer t(1ms);
    const auto start = weft::clock::now();
    bool fired = false;
    while (!fired && weft::clock::now() - start < 20s) fired = t.channel().try_recv().has_value();
    CHECK(fired);
  });
}

TEST_CASE("regress/timers: and so does a plain thread's") {
  if (procs() == 1) return skip(needs_idle_p);
  run([] {
    std::atomic<bool> fired{false};
    plain_thread waiter([&] {
      weft::timer t(1ms);
      fired = !t.wait(20s);
    });
    const auto start = weft::clock::now();
    while (!fired && weft::clock::now() - start < 20s) {
    }
    CHECK(fired);
  });
}

TEST_CASE("regress/timers: a timer that outlives its run") {
  std::unique_ptr<weft::timer> t;
  run([&] { t = std::make_unique<weft::timer>(1h); });
  CHECK(!t->stop());
  CHECK_THROWS_AS(t->reset(1s), std::logic_error);
  run([&] {
    CHECK_THROWS_AS(t->reset(1ms), std::logic_error);
    CHECK(t->wait(1s) == weft::errc::closed);
  });
  t.reset();
}

TEST_CASE("regress/timers: a thread that waits for a timer when the run ends") {
  for (int round = 0; round < 50; ++round) {
    std::thread waiter;
    std::atomic<bool> waits{false};
    run([&] {
      waiter = std::thread([&] {
        weft::timer t(1h);
        waits = true;
        CHECK(t.wait(20s) == weft::errc::closed);
      });
      while (!waits) weft::yield();
    });
    waiter.join();
  }
}
