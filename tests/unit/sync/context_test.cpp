// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using namespace std::chrono_literals;
using weft::testing_support::plain_thread;
using weft::testing_support::run;
using weft::testing_support::scaled;

TEST_CASE("context: the background is never done") {
  const weft::context background;
  CHECK(!background.done());
  CHECK(!background.error());
  CHECK(!background.deadline());
  CHECK(background == weft::context::background());
  CHECK(weft::this_fiber::context() == background);  // a plain thread's
}

TEST_CASE("context: cancelling goes down the tree, not up or aside") {
  run([] {
    weft::cancel_source root;
    weft::cancel_source left(root.context());
    weft::cancel_source right(root.context());
    weft::cancel_source leaf(left.context());
    left.cancel();
    CHECK(left.context().error() == weft::errc::canceled);
    CHECK(leaf.context().error() == weft::errc::canceled);
    CHECK(!root.context().done());
    CHECK(!right.context().done());
    left.cancel();  // again: nothing
    root.cancel();
    CHECK(right.context().done());
    // A child made of a cancelled parent is cancelled.
    CHECK(weft::cancel_source(leaf.context()).context().error() == weft::errc::canceled);
  });
}

TEST_CASE("context: deadlines") {
  run([] {
    const auto soon = weft::clock::now() + 5ms;
    weft::cancel_source parent(weft::context::background(), soon);
    CHECK(parent.context().deadline() == soon);
    weft::cancel_source later(parent.context(), 1h);
    CHECK(later.context().deadline() == soon);  // never later than the parent's
    weft::cancel_source sooner(parent.context(), soon - 2ms);
    CHECK(sooner.context().deadline() == soon - 2ms);
    weft::cancel_source none(parent.context());
    CHECK(none.context().deadline() == soon);
    CHECK(!weft::cancel_source(weft::context::background()).context().deadline());
    CHECK(!weft::cancel_source(weft::context::background(), std::chrono::hours::max()).context().deadline());

    CHECK(weft::sleep(later.context()) == weft::errc::timed_out);
    CHECK(weft::clock::now() >= soon);
    CHECK(sooner.context().error() == weft::errc::timed_out);
    CHECK(none.context().error() == weft::errc::timed_out);
  });
}

TEST_CASE("context: an error stays what it was first") {
  run([] {
    weft::cancel_source canceled(weft::context::background(), 2ms);
    canceled.cancel();
    weft::sleep(4ms);
    CHECK(canceled.context().error() == weft::errc::canceled);

    weft::cancel_source late(weft::context::background(), 1ms);
    weft::sleep(2ms);
    CHECK(late.context().error() == weft::errc::timed_out);
    late.cancel();
    CHECK(late.context().error() == weft::errc::timed_out);

    // A deadline in the past.
    weft::cancel_source past(weft::context::background(), -1s);
    CHECK(past.context().error() == weft::errc::timed_out);
    past.cancel();
    CHECK(past.context().error() == weft::errc::timed_out);
    CHECK(past.context().error() == std::errc::timed_out);
    CHECK(canceled.context().error() == std::errc::operation_canceled);
  });
}

TEST_CASE("context: each fiber has its own") {
  run([] {
    const auto mine = weft::this_fiber::context();
    CHECK(!mine.done());
    CHECK(mine == weft::this_fiber::context());
    auto child = weft::spawn([&] {
      CHECK(weft::this_fiber::context() != mine);
      weft::cancel_source below;  // of the fiber's context
      auto grandchild = weft::spawn([] { return weft::sleep(weft::until()); });
      CHECK(weft::sleep(weft::until()) == weft::errc::canceled);
      // The fiber may be woken before those below have heard of it.
      CHECK(weft::sleep(below.context()) == weft::errc::canceled);
      CHECK(grandchild.get() == weft::errc::canceled);
    });
    weft::yield();
    child.cancel();
    child.get();
    CHECK(!mine.done());

    // One given at spawn.
    weft::cancel_source given;
    given.cancel();
    CHECK(weft::spawn([] { return weft::sleep(1h); }, {.context = given.context()}).get() == weft::errc::canceled);
    weft::chan<std::error_code> result;
    weft::go([result]() mutable { (void)result.send(weft::sleep(1h), weft::until::never()); },
             {.context = given.context()});
    CHECK(result.recv() == make_error_code(weft::errc::canceled));
  });
}

TEST_CASE("context: go's is the run's and not the spawner's") {
  run([] {
    weft::chan<bool> alive;
    auto spawner = weft::spawn([alive] {
      weft::go([alive]() mutable {
        weft::sleep(2ms);
        (void)alive.send(!weft::this_fiber::context().done());
      });
    });
    spawner.cancel();
    spawner.get();
    CHECK(alive.recv() == true);
  });
}

TEST_CASE("context: wakes all its waiters, of every kind") {
  run([] {
    for (int round = 0; round < scaled(20, 5); ++round) {
      weft::cancel_source source;
      const weft::context ctx = source.context();
      weft::chan<int> c;
      weft::mutex locked;
      locked.lock();
      weft::wait_group pending;
      pending.add(1);
      std::vector<weft::task<std::error_code>> waiters;
      for (int i = 0; i < 20; ++i) {
        waiters.push_back(weft::spawn([=] { return weft::sleep(ctx); }));
        waiters.push_back(weft::spawn([=]() mutable { return c.recv({ctx, 1h}).error(); }));
        waiters.push_back(weft::spawn([&] { return locked.lock(ctx); }));
        waiters.push_back(weft::spawn([&] { return pending.wait(ctx); }));
        waiters.push_back(weft::spawn([=] {
          std::error_code why;
          weft::select(weft::on_done(ctx, [&](std::error_code ec) { why = ec; }), weft::on_recv(c, [](auto) {}));
          return why;
        }));
        waiters.push_back(weft::spawn([] { return weft::sleep(weft::until()); }, {.context = ctx}));
      }
      if (round % 2 == 0) weft::sleep(1ms);
      source.cancel();
      int right = 0;
      for (auto& w : waiters) right += w.get() == weft::errc::canceled;
      CHECK(right == 120);
      pending.done();
      locked.unlock();
    }
  });
}

TEST_CASE("context: a cancel_source moves") {
  run([] {
    weft::cancel_source a;
    const auto first = a.context();
    weft::cancel_source b = std::move(a);
    CHECK(b.context() == first);
    CHECK(!first.done());
    weft::cancel_source c;
    const auto second = c.context();
    c = std::move(b);  // the one it had is cancelled, as by the destructor
    CHECK(second.error() == weft::errc::canceled);
    CHECK(!first.done());
    CHECK(c.context() == first);
    {
      const weft::cancel_source last = std::move(c);
    }
    CHECK(first.error() == weft::errc::canceled);
  });
}

TEST_CASE("context: parents and children go in any order") {
  run([] {
    std::optional<weft::cancel_source> parent(std::in_place);
    std::optional<weft::cancel_source> child(std::in_place, parent->context(), 1h);
    const auto below = weft::cancel_source(child->context()).context();
    CHECK(below.done());
    const weft::context of_child = child->context();
    parent.reset();
    CHECK(of_child.error() == weft::errc::canceled);
    child.reset();
    CHECK(of_child.error() == weft::errc::canceled);

    // A context outlives its sources, and the timers of its deadline with it.
    weft::context kept;
    {
      weft::cancel_source source(weft::context::background(), 1ms);
      kept = source.context();
    }
    weft::sleep(3ms);
    CHECK(kept.error() == weft::errc::canceled);
  });
}

TEST_CASE("context: wide and deep trees") {
  run([] {
    std::vector<weft::cancel_source> chain;
    chain.emplace_back();
    for (int i = 0; i < 1'000; ++i) chain.emplace_back(chain.back().context());
    weft::cancel_source root;
    std::vector<weft::cancel_source> fan;
    for (int i = 0; i < 1'000; ++i) fan.emplace_back(root.context());
    chain.front().cancel();
    CHECK(chain.back().context().done());
    root.cancel();
    for (auto& f : fan) CHECK(f.context().done());
  });
}

TEST_CASE("context: cancelled by a plain thread, waited for by another") {
  run([] {
    weft::cancel_source source;
    auto fiber = weft::spawn([ctx = source.context()] { return weft::sleep({ctx, 30s}); });
    plain_thread waits([ctx = source.context()] { CHECK(weft::sleep({ctx, 30s}) == weft::errc::canceled); });
    plain_thread cancels([&] {
      weft::sleep(2ms);
      source.cancel();
    });
    CHECK(fiber.get() == weft::errc::canceled);
  });
}

TEST_CASE("context: outside a run") {
  weft::cancel_source source;
  weft::cancel_source child(source.context());
  source.cancel();
  CHECK(child.context().error() == weft::errc::canceled);
  weft::cancel_source late(weft::context::background(), 2ms);
  CHECK(weft::sleep(late.context()) == weft::errc::timed_out);
  CHECK(late.context().error() == weft::errc::timed_out);
}
