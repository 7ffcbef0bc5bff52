// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <weft/weft.hpp>

#include "tests/support/eventually.hpp"
#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"
#include "tests/support/subprocess.hpp"

using namespace std::chrono_literals;
using weft::testing_support::child;
using weft::testing_support::eventually;
using weft::testing_support::plain_thread;
using weft::testing_support::run;
using weft::testing_support::scaled;

TEST_CASE("task: results of every kind") {
  run([] {
    CHECK(weft::spawn([] { return 7; }).get() == 7);
    CHECK(*weft::spawn([] { return std::make_unique<int>(8); }).get() == 8);
    int n = 0;
    static_assert(std::is_same_v<decltype(weft::spawn([&]() -> int& { return n; })), weft::task<int&>>);
    CHECK(&weft::spawn([&]() -> int& { return n; }).get() == &n);
    weft::spawn([&] { n = 1; }).get();
    CHECK(n == 1);
    // A move-only callable, called as what it is: mutable.
    auto t = weft::spawn([p = std::make_unique<int>(3)]() mutable { return ++*p; });
    CHECK(t.get() == 4);
  });
}

TEST_CASE("task: get rethrows, whatever was thrown") {
  run([] {
    auto t = weft::spawn([]() -> int { throw std::runtime_error("thrown inside"); });
    CHECK_THROWS_WITH_AS(t.get(), "thrown inside", std::runtime_error);
    CHECK(!t.valid());
    auto v = weft::spawn([] { throw 5; });
    CHECK_THROWS_AS(v.get(), int);
    auto r = weft::spawn([]() -> int& { throw std::string("x"); });
    CHECK_THROWS_AS(r.get(), std::string);
  });
}

TEST_CASE("task: done, valid, wait") {
  run([] {
    weft::chan<int> c;
    auto t = weft::spawn([c]() mutable { return c.recv().value_or(-1); });
    CHECK(t.valid());
    CHECK(!t.done());
    CHECK(t.wait(2ms) == weft::errc::timed_out);
    CHECK(t.wait(0ms) == weft::errc::timed_out);
    weft::cancel_source source;
    source.cancel();
    CHECK(t.wait(source.context()) == weft::errc::canceled);
    CHECK(!c.send(3));
    CHECK(!t.wait());
    CHECK(t.done());
    CHECK(!t.wait());
    CHECK(t.get() == 3);
    CHECK(!t.valid());
    CHECK_THROWS_AS(t.get(), std::logic_error);
    CHECK_THROWS_AS((void)t.wait(), std::logic_error);
    CHECK_THROWS_AS((void)t.done(), std::logic_error);
    CHECK_THROWS_AS(t.cancel(), std::logic_error);
    weft::task<int> none;
    CHECK(!none.valid());
    CHECK_THROWS_AS(none.get(), std::logic_error);
  });
}

TEST_CASE("task: wait does not rethrow") {
  run([] {
    auto t = weft::spawn([] { throw 1; });
    CHECK(!t.wait());
    CHECK_THROWS_AS(t.get(), int);
  });
}

TEST_CASE("task: cancel reaches the fiber's waits") {
  run([] {
    auto t = weft::spawn([] { return weft::sleep(30s); });
    t.cancel();
    t.cancel();
    CHECK(t.get() == weft::errc::canceled);
  });
}

TEST_CASE("task: the destructor cancels and joins") {
  run([] {
    bool ended = false;
    {
      auto t = weft::spawn([&] {
        CHECK(weft::sleep(30s) == weft::errc::canceled);
        weft::yield();
        ended = true;
      });
    }
    CHECK(ended);
    ended = false;
    auto t = weft::spawn([&] {
      CHECK(weft::sleep(30s) == weft::errc::canceled);
      ended = true;
    });
    t = weft::spawn([] {});  // so does assignment
    CHECK(ended);
    t.get();
    auto& self = t;
    t = std::move(self);
    CHECK(!t.valid());
  });
}

TEST_CASE("task: get is not interrupted by a cancelled context") {
  run([] {
    weft::chan<int> c;
    auto outer = weft::spawn([c] {
      auto inner = weft::spawn([c]() mutable { return c.recv(weft::until::never()).value_or(-1); });
      return inner.get();
    });
    outer.cancel();
    weft::sleep(1ms);
    CHECK(!outer.done());
    CHECK(!c.send(5));
    CHECK(outer.get() == 5);
  });
}

TEST_CASE("task: moves, also while its fiber ends") {
  run([] {
    for (int i = 0; i < scaled(2'000, 500); ++i) {
      auto a = weft::spawn([i] { return i; });
      auto b = std::move(a);
      CHECK(!a.valid());
      std::vector<weft::task<int>> v;
      v.push_back(std::move(b));
      CHECK(v.front().get() == i);
    }
  });
}

TEST_CASE("task: detach") {
  run([] {
    std::atomic<bool> ended{false};
    auto t = weft::spawn([&] {
      weft::yield();
      ended = true;
    });
    t.detach();
    CHECK(!t.valid());
    CHECK(eventually([&] { return ended.load(); }));
    CHECK_THROWS_AS(t.detach(), std::logic_error);
    // The last to leave frees what they share: whoever that is.
    for (int i = 0; i < scaled(5'000, 1'000); ++i) weft::spawn([] { return std::make_unique<int>(1); }).detach();
    CHECK(eventually([] { return weft::num_fibers() == 1; }));
  });
}

TEST_CASE("task: what the fiber captured is gone before the joiner goes on") {
  run([] {
    auto shared = std::make_shared<int>(0);
    for (int i = 0; i < 1'000; ++i) {
      weft::spawn([copy = shared] { return *copy; }).get();
      CHECK(shared.use_count() == 1);
    }
  });
}

TEST_CASE("task: joined by a thread, and by another fiber than the one that spawned it") {
  run([] {
    auto t = weft::spawn([] {
      weft::sleep(1ms);
      return 4;
    });
    {
      plain_thread joiner([&] { CHECK(t.get() == 4); });
    }
    {
      plain_thread spawner([] {
        CHECK(weft::spawn([] { return 5; }).get() == 5);
        auto dropped = weft::spawn([] { return weft::sleep(30s); });
      });
    }
    auto u = weft::spawn([] { return 6; });
    CHECK(weft::spawn([&] { return u.get(); }).get() == 6);
  });
}

TEST_CASE("task: try_spawn") {
  run([] {
    auto t = weft::try_spawn([] { return 9; });
    CHECK(t.has_value());
    CHECK(t->get() == 9);
  });
  auto t = weft::try_spawn([] { return 9; });
  CHECK(!t.has_value());
  CHECK(t.error() == weft::errc::not_running);
  CHECK_THROWS_AS((void)weft::spawn([] {}), std::logic_error);
}

namespace {

const child unread("task/unread", [] {
  return weft::run(
      [] {
        {
          auto dropped = weft::spawn([] { throw std::runtime_error("dropped-text"); });
        }
        auto detached_later = weft::spawn([] { throw std::runtime_error("late-text"); });
        (void)detached_later.wait();
        detached_later.detach();
        auto detached = weft::spawn([] {
          weft::yield();
          throw std::runtime_error("early-text");
        });
        detached.detach();
        auto read = weft::spawn([] { throw std::runtime_error("read-text"); });
        try {
          read.get();
        } catch (const std::exception&) {
        }
      },
      {.procs = 2});
});

int times(const std::string& text, const std::string& what) {
  int n = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("task: an exception that nobody read is reported once, and ends nothing") {
  const auto end = unread.run();
  CHECK(end.exit_code == 0);
  CHECK_MESSAGE(times(end.err, "dropped-text") == 1, end.err);
  CHECK_MESSAGE(times(end.err, "late-text") == 1, end.err);
  CHECK_MESSAGE(times(end.err, "early-text") == 1, end.err);
  CHECK_MESSAGE(times(end.err, "read-text") == 0, end.err);
  CHECK_MESSAGE(end.says("task_test.cpp"), end.err);  // where it was spawned
}
