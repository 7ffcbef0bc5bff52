// SPDX-License-Identifier: Apache-2.0
// How a process ends that did something wrong: fibers that do not end, deadlocks, uncaught exceptions.
#include <doctest/doctest.h>

#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <thread>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/subprocess.hpp"

using namespace std::chrono_literals;
using weft::testing_support::child;
using weft::testing_support::plain_thread;
using weft::testing_support::procs;
using weft::testing_support::run;

namespace {

const child ignores_cancel("end/ignores_cancel", [] {
  return weft::run(
      [] {
        weft::chan<int> silent;
        weft::go([silent]() mutable { (void)silent.recv(weft::until::never()); }, {.name = "stubborn"});
        weft::go([] { (void)weft::sleep(1h); }, {.name = "polite"});
        weft::yield();
        return 5;
      },
      {.procs = procs(), .drain = 100ms});
});

const child sleeps_on("end/sleeps_on", [] {
  return weft::run(
      [] {
        // It sleeps over its cancellation, and there is a timer: not a deadlock.
        weft::go([] { (void)weft::chan<int>().recv(weft::until::never()); }, {.name = "stubborn"});
        weft::go([] {
          while (true) {
            if (weft::sleep(1ms)) std::this_thread::sleep_for(1ms);
          }
        });
        weft::yield();
      },
      {.procs = procs(), .drain = 100ms});
});

const child deadlock("end/deadlock", [] {
  return weft::run(
      [] {
        static weft::chan<int> c;
        static weft::chan<int> nil(nullptr);
        static weft::mutex m;
        static weft::wait_group wg;
        m.lock();
        wg.add(1);
        weft::go(
            [] {
              (void)c.send(1, weft::until::never());
              c.close();
            },
            {.name = "f-send"});
        weft::go([] { (void)nil.recv(); }, {.name = "f-nil-recv"});
        weft::go([] { (void)nil.send(1); }, {.name = "f-nil-send"});
        weft::go([] { m.lock(); }, {.name = "f-mutex"});
        weft::go([] { wg.wait(); }, {.name = "f-wait-group"});
        weft::go([] { weft::select(weft::on_recv(nil, [](auto) {}), weft::on_send(nil, 1, [](auto) {})); },
                 {.name = "f-select"});
        weft::go([] { weft::select(); }, {.name = "f-select-none"});
        weft::go([] { weft::spawn([] { wg.wait(); }, {.name = "f-joined"}).get(); }, {.name = "f-join"});
        weft::go([] { (void)weft::sleep(weft::until()); }, {.name = "f-sleep"});
        weft::yield();
        weft::chan<int> own;
        (void)own.recv();
      },
      {.procs = procs()});
});

const child throws("end/throws", [] {
  return weft::run(
      [] {
        weft::go(
            [] {
              weft::yield();
              throw std::runtime_error("the-what-text");
            },
            {.name = "thrower"});
        weft::sleep(10s);
      },
      {.procs = procs()});
});

const child throws_int("end/throws_int", [] {
  return weft::run(
      [] {
        weft::wait_group wg;
        wg.go([] { throw 17; }, {.name = "int-thrower"});
        wg.wait();
        std::fputs("main went on\n", stderr);
      },
      {.procs = procs()});
});

}  // namespace

TEST_CASE("end: a fiber that ignores its cancellation ends the process after the drain time") {
  for (const child* c : {&ignores_cancel, &sleeps_on}) {
    const auto start = std::chrono::steady_clock::now();
    const auto end = c->run();
    CHECK(std::chrono::steady_clock::now() - start >= 100ms);
    CHECK(end.exit_code == 3);
    CHECK_MESSAGE(end.says("stubborn"), end.err);
    CHECK_MESSAGE(end.says("end_of_run_test.cpp"), end.err);
    CHECK_MESSAGE(!end.says("polite"), end.err);
  }
}

TEST_CASE("end: a deadlock is reported with what each fiber waits for") {
  const auto end = deadlock.run();
  CHECK(end.exit_code == 2);
  CHECK_MESSAGE(end.says("deadlock"), end.err);
  for (const char* text : {"f-send",
                           "f-nil-recv",
                           "f-nil-send",
                           "f-mutex",
                           "f-wait-group",
                           "f-select",
                           "f-select-none",
                           "f-join",
                           "f-joined",
                           "f-sleep",
                           "chan send",
                           "chan receive",
                           "chan receive (nil chan)",
                           "chan send (nil chan)",
                           "sync.Mutex.Lock",
                           "sync.WaitGroup.Wait",
                           "select",
                           "select (no cases)",
                           "task join",
                           "sleep",
                           "end_of_run_test.cpp"}) {
    CHECK_MESSAGE(end.says(text), text, " is missing in:\n", end.err);
  }
}

TEST_CASE("end: on_deadlock is called instead, and may wake fibers") {
  weft::chan<int> c;
  std::string report;
  int calls = 0;
  const auto caller = std::this_thread::get_id();
  std::thread::id called_on;
  const int result = run(
      [&] {
        const int first = c.recv().value_or(-1);
        return first * 10 + c.recv().value_or(-1);
      },
      {.on_deadlock = [&](std::string_view text) {
        ++calls;
        report = text;
        called_on = std::this_thread::get_id();
        if (c.try_send(calls)) std::abort();
      }});
  CHECK(result == 12);
  CHECK(calls == 2);
  CHECK(called_on == caller);
  CHECK(report.find("chan receive") != std::string::npos);
}

TEST_CASE("end: no deadlock while a timer is pending") {
  int calls = 0;
  run(
      [&] {
        weft::chan<int> c;
        weft::go([c]() mutable {
          weft::sleep(50ms);
          (void)c.send(1);
        });
        CHECK(c.recv() == 1);
        CHECK(c.recv(20ms).error() == weft::errc::timed_out);
        weft::cancel_source late(weft::context::background(), 20ms);
        CHECK(c.recv(late.context()).error() == weft::errc::timed_out);
        weft::timer t(20ms);
        CHECK(!t.wait());
      },
      {.on_deadlock = [&](std::string_view) { ++calls; }});
  CHECK(calls == 0);
}

TEST_CASE("end: no deadlock while a blocking call is inside") {
  int calls = 0;
  run(
      [&] {
        weft::chan<int> c;
        weft::go([c]() mutable {
          weft::blocking([] { std::this_thread::sleep_for(50ms); });
          (void)c.send(1);
        });
        CHECK(c.recv() == 1);
      },
      {.on_deadlock = [&](std::string_view) { ++calls; }});
  CHECK(calls == 0);
}

TEST_CASE("end: no deadlock while there is a thread that could wake the fiber") {
  int calls = 0;
  weft::chan<int> c;
  std::atomic<bool> waits{false};
  std::thread outside([&] {
    while (!waits) std::this_thread::sleep_for(1ms);
    std::this_thread::sleep_for(50ms);
    (void)c.send(7);
  });
  const int result = run(
      [&] {
        waits = true;
        return c.recv().value_or(-1);
      },
      {.on_deadlock = [&](std::string_view) { ++calls; }});
  CHECK(result == 7);
  CHECK(calls == 0);
  outside.join();
}

TEST_CASE("end: an uncaught exception names the fiber and its spawn site, and aborts") {
  const auto end = throws.run();
  CHECK(end.signal == SIGABRT);
  CHECK_MESSAGE(end.says("thrower"), end.err);
  CHECK_MESSAGE(end.says("end_of_run_test.cpp:"), end.err);
  CHECK_MESSAGE(end.says("the-what-text"), end.err);
  CHECK_MESSAGE(end.says("runtime_error"), end.err);
  CHECK_MESSAGE(end.says("0x"), end.err);  // a backtrace
}

TEST_CASE("end: ... whatever its type, before anybody goes on") {
  const auto end = throws_int.run();
  CHECK(end.signal == SIGABRT);
  CHECK_MESSAGE(end.says("int-thrower"), end.err);
  CHECK_MESSAGE(!end.says("main went on"), end.err);
}
