// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <signal.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"
#include "tests/support/subprocess.hpp"

using namespace std::chrono_literals;
using weft::testing_support::child;
using weft::testing_support::plain_thread;
using weft::testing_support::run;
using weft::testing_support::scaled;

TEST_CASE("mutex: excludes") {
  run([] {
    weft::mutex m;
    long count = 0;
    weft::wait_group all;
    constexpr int each = scaled(2'000, 500);
    for (int f = 0; f < 10; ++f) {
      all.go([&] {
        for (int i = 0; i < each; ++i) {
          const std::lock_guard hold(m);
          const long before = count;
          if (i % 50 == 0) weft::yield();  // held over a call that parks
          count = before + 1;
        }
      });
    }
    all.wait();
    CHECK(count == 10 * each);
  });
}

TEST_CASE("mutex: the standard's locks") {
  run([] {
    weft::mutex a;
    weft::mutex b;
    {
      const std::scoped_lock both(a, b);
      CHECK(!a.try_lock());
      CHECK(!b.try_lock());
    }
    std::unique_lock l(a, std::try_to_lock);
    CHECK(l.owns_lock());
    l.unlock();
    CHECK(a.try_lock());
    a.unlock();
  });
}

TEST_CASE("mutex: lock(until) gives up, and leaves nothing behind") {
  run([] {
    weft::mutex m;
    m.lock();
    const auto start = weft::clock::now();
    CHECK(m.lock(3ms) == weft::errc::timed_out);
    CHECK(weft::clock::now() - start >= 3ms);
    CHECK(m.lock(0ms) == weft::errc::timed_out);
    CHECK(m.lock(-1s) == weft::errc::timed_out);
    weft::cancel_source source;
    auto waiter = weft::spawn([&] { return m.lock(source.context()); });
    auto own = weft::spawn([&] { return m.lock(weft::until()); });
    weft::yield();
    source.cancel();
    own.cancel();
    CHECK(waiter.get() == weft::errc::canceled);
    CHECK(own.get() == weft::errc::canceled);
    m.unlock();
    CHECK(!m.lock(0ms));  // free: no wait, no error
    m.unlock();
    CHECK(m.try_lock());
    m.unlock();
  });
}

TEST_CASE("mutex: lock() is not interrupted by a cancelled context") {
  run([] {
    weft::mutex m;
    m.lock();
    bool got = false;
    auto waiter = weft::spawn([&] {
      const std::lock_guard hold(m);
      got = true;
    });
    waiter.cancel();
    weft::sleep(2ms);
    CHECK(!waiter.done());
    m.unlock();
    waiter.get();
    CHECK(got);
  });
}

// One fiber takes the lock again right after it let go; the other wants it now and then.
TEST_CASE("mutex: a hog cannot starve a waiter") {
  run([] {
    weft::mutex m;
    std::atomic<bool> stop{false};
    weft::wait_group all;
    all.go([&] {
      while (!stop) {
        const std::lock_guard hold(m);
        const auto end = weft::clock::now() + 100us;
        while (weft::clock::now() < end) {
        }
        weft::yield();  // lets the waiter try while the lock is held, and fail
      }
    });
    auto longest = weft::clock::duration::zero();
    for (int i = 0; i < 10; ++i) {
      weft::sleep(100us);
      const auto start = weft::clock::now();
      const std::lock_guard hold(m);
      longest = std::max(longest, weft::clock::now() - start);
    }
    stop = true;
    all.wait();
    CHECK(std::chrono::duration_cast<std::chrono::milliseconds>(longest).count() < 1000);
  });
}

TEST_CASE("mutex: many fibers all get their turn") {
  run([] {
    weft::mutex m;
    std::atomic<bool> stop{false};
    constexpr int fibers = 20;
    std::atomic<int> turns[fibers] = {};
    std::atomic<int> served{0};
    weft::wait_group all;
    for (auto& mine : turns) {
      all.go([&] {
        while (!stop) {
          m.lock();
          weft::yield();
          m.unlock();
          if (++mine == 5) ++served;
        }
      });
    }
    while (served < fibers) weft::sleep(1ms);  // the watchdog ends it if somebody starves
    stop = true;
    all.wait();
    CHECK(served == fibers);
  });
}

TEST_CASE("mutex: between fibers and threads") {
  run([] {
    weft::mutex m;
    long count = 0;
    constexpr int each = scaled(10'000, 2'000);
    auto work = [&] {
      for (int i = 0; i < each; ++i) {
        const std::lock_guard hold(m);
        ++count;
      }
    };
    weft::wait_group all;
    for (int i = 0; i < 3; ++i) all.go(work);
    {
      plain_thread a(work);
      plain_thread b(work);
    }
    all.wait();
    CHECK(count == 5 * each);
    plain_thread timed([&] {
      CHECK(m.try_lock());
      CHECK(m.lock(2ms) == weft::errc::timed_out);
      m.unlock();
    });
  });
}

TEST_CASE("mutex: between threads, without a run, in static storage") {
  static constinit weft::mutex m;
  long count = 0;
  auto work = [&] {
    for (int i = 0; i < 10'000; ++i) {
      const std::lock_guard hold(m);
      ++count;
    }
  };
  std::thread a(work);
  std::thread b(work);
  a.join();
  b.join();
  CHECK(count == 20'000);
}

namespace {

const child unlock_unlocked("mutex/unlock_unlocked", [] {
  return weft::run([] {
    weft::mutex m;
    m.unlock();
  });
});

}  // namespace

TEST_CASE("mutex: unlocking what is not locked ends the process with a message") {
  const auto end = unlock_unlocked.run();
  CHECK(end.signal == SIGABRT);
  CHECK_MESSAGE(end.says("mutex"), end.err);
}
