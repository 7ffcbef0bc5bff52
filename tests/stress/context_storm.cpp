// SPDX-License-Identifier: Apache-2.0
// Trees of contexts, made, cancelled and destroyed concurrently, in any order.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <random>
#include <utility>
#include <vector>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using namespace std::chrono_literals;
using weft::testing_support::plain_thread;
using weft::testing_support::run;
using weft::testing_support::scaled;

TEST_CASE("stress/context_storm: a tree with waiters on every node, cancelled at the root") {
  constexpr int rounds = scaled(200, 20);
  run([] {
    for (int r = 0; r < rounds; ++r) {
      std::minstd_rand random(static_cast<unsigned>(r) + 1);
      weft::cancel_source root;
      std::vector<weft::cancel_source> nodes;
      for (std::size_t i = 0; i < 100; ++i) {
        const auto parent =
            nodes.empty() || random() % 4 == 0 ? root.context() : nodes[random() % nodes.size()].context();
        if (i % 3 == 0) {
          nodes.emplace_back(parent, 30s);
        } else {
          nodes.emplace_back(parent);
        }
      }
      std::atomic<int> ended{0};
      weft::wait_group all;
      for (auto& n : nodes) {
        all.go([&, ctx = n.context()] {
          if (weft::sleep({ctx, 30s}) == weft::errc::canceled) ++ended;
        });
      }
      for (unsigned i = 0; i < random() % 5; ++i) weft::yield();
      // Some are cancelled by themselves while the root goes down.
      all.go([&] {
        for (std::size_t i = 0; i < nodes.size(); i += 7) nodes[i].cancel();
      });
      root.cancel();
      all.wait();
      CHECK(ended == 100);
      int alive = 0;
      for (auto& n : nodes) alive += !n.context().done();
      CHECK(alive == 0);
    }
  });
}

TEST_CASE("stress/context_storm: children come and go while the parent is cancelled") {
  constexpr int rounds = scaled(2'000, 200);
  run([] {
    for (int r = 0; r < rounds; ++r) {
      auto parent = std::make_unique<weft::cancel_source>();
      const auto ctx = parent->context();
      weft::wait_group all;
      std::atomic<int> missed{0};
      for (int i = 0; i < 4; ++i) {
        all.go([&, ctx] {
          for (int k = 0; k < 20; ++k) {
            weft::cancel_source child(ctx);
            weft::cancel_source grandchild(child.context(), 1h);
            if (k % 5 == 0) weft::yield();
            // A child made of a cancelled parent is cancelled from the start.
            if (ctx.done() && !weft::cancel_source(ctx).context().done()) ++missed;
            weft::cancel_source moved = std::move(grandchild);
          }
        });
      }
      if (r % 2 == 0) weft::yield();
      if (r % 3 == 0) {
        parent->cancel();
      } else {
        parent.reset();
      }
      all.wait();
      CHECK(missed == 0);
      CHECK(ctx.done());
    }
  });
}

TEST_CASE("stress/context_storm: cancelled from everywhere at once") {
  constexpr int rounds = scaled(500, 50);
  run([] {
    for (int r = 0; r < rounds; ++r) {
      weft::cancel_source a;
      weft::cancel_source b(a.context());
      weft::cancel_source c(b.context(), std::chrono::microseconds(r % 100));
      weft::wait_group all;
      for (int i = 0; i < 10; ++i) {
        all.go([&, i] { (i % 3 == 0 ? a : i % 3 == 1 ? b : c).cancel(); });
        all.go([&] {
          const auto ec = weft::sleep(c.context());
          CHECK((ec == weft::errc::canceled || ec == weft::errc::timed_out));
          CHECK(c.context().error() == ec);  // and it stays that
        });
      }
      plain_thread outside([&] { b.cancel(); });
      all.wait();
    }
  });
}
