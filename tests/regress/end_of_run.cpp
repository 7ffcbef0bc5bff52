// SPDX-License-Identifier: Apache-2.0
// Ends of runs that went wrong: a process that could not exit, contexts that were not reached, a drain time that
// overflowed, a deadlock that was forgotten.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include <unistd.h>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/subprocess.hpp"

using namespace std::chrono_literals;
using weft::testing_support::child;
using weft::testing_support::procs;
using weft::testing_support::run;

namespace {

const child reads_for_ever("regress/reads_for_ever", [] {
  int ends[2];
  if (::pipe(ends) != 0 || ::dup2(ends[0], STDIN_FILENO) < 0) return 1;
  return weft::run(
      [] {
        std::atomic<bool> reading{false};
        weft::go([&] {
          weft::blocking([&] {
            reading = true;
            (void)std::getchar();  // holds stdin's lock
          });
        });
        while (!reading) weft::yield();
        weft::sleep(20ms);
      },
      {.procs = procs(), .drain = 50ms});
});

const child thread_ends_later("regress/thread_ends_later", [] {
  return weft::run(
      [] {
        std::thread([] { std::this_thread::sleep_for(300ms); }).detach();
        weft::chan<int> nobody;
        (void)nobody.recv();
      },
      {.procs = procs()});
});

}  // namespace

TEST_CASE("regress/end: the process exits although a fiber's thread reads a stream") {
  const auto end = reads_for_ever.run();
  CHECK(end.exit_code == 3);
}

TEST_CASE("regress/deadlock: also found when the last other thread has ended") {
  const auto end = thread_ends_later.run();
  CHECK(end.exit_code == 2);
  CHECK_MESSAGE(end.says("deadlock"), end.err);
}

TEST_CASE("regress/end: fibers of plain threads are below the run") {
  std::thread outside;
  std::atomic<bool> told{false};
  std::atomic<int> started{0};
  run([&] {
    outside = std::thread([&] {
      auto t = weft::spawn([&] {
        weft::chan<int> c;
        ++started;
        weft::select(weft::on_done(weft::this_fiber::context(), [&](std::error_code) { told = true; }),
                     weft::on_recv(c, [](auto) {}));
      });
      t.detach();
      auto from_background = weft::spawn([&] { ++started, (void)weft::sleep(weft::this_fiber::context()); },
                                         {.context = weft::context::background()});
      from_background.detach();
    });
    while (started < 2) weft::yield();
  });
  outside.join();
  CHECK(told);
}

TEST_CASE("regress/end: a drain time too large for the clock is for ever") {
  run([] { weft::go([] { weft::sleep(1ms); }); }, {.drain = std::chrono::milliseconds::max()});
}

TEST_CASE("regress/cancel: a deadline of one's own context is told as such") {
  run([] {
    for (int round = 0; round < 20; ++round) {
      const weft::cancel_source limit(weft::this_fiber::context(), 2ms);
      weft::group g(limit.context());
      for (int i = 0; i < 8; ++i) {
        (void)g.go([] {
          weft::chan<int> nobody;
          CHECK(nobody.recv().error() == weft::errc::timed_out);
          CHECK(weft::this_fiber::context().error() == weft::errc::timed_out);
        });
      }
      (void)g.wait(weft::until::never());
    }
  });
}
