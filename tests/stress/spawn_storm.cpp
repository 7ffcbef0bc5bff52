// SPDX-License-Identifier: Apache-2.0
// Spawning and joining in great numbers, in trees and from several fibers at once.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include <weft/weft.hpp>

#include "tests/support/eventually.hpp"
#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using weft::testing_support::eventually;
using weft::testing_support::plain_thread;
using weft::testing_support::run;
using weft::testing_support::scaled;

namespace {

std::int64_t tree(int depth) {
  if (depth == 0) return 1;
  auto left = weft::spawn([depth] { return tree(depth - 1); });
  auto right = weft::spawn([depth] { return tree(depth - 1); });
  return left.get() + right.get() + 1;
}

}  // namespace

TEST_CASE("stress/spawn_storm: a million, one after the other") {
  static constexpr int count = scaled(1'000'000, 50'000);
  run([] {
    std::int64_t sum = 0;
    for (int i = 0; i < count; ++i) sum += weft::spawn([i] { return i; }).get();
    CHECK(sum == std::int64_t{count} * (count - 1) / 2);
    CHECK(weft::runtime_stats().spawned >= count);
    CHECK(eventually([] { return weft::num_fibers() == 1; }));
  });
}

TEST_CASE("stress/spawn_storm: batches from several fibers") {
  constexpr int spawners = 8;
  constexpr int batches = scaled(100, 10);
  constexpr int batch = 500;  // more than a P's ring: overflow and stealing
  run([] {
    std::atomic<std::int64_t> ran{0};
    weft::wait_group all;
    for (int s = 0; s < spawners; ++s) {
      all.go([&] {
        for (int b = 0; b < batches; ++b) {
          weft::wait_group mine;
          for (int i = 0; i < batch; ++i) {
            mine.go([&] { ran.fetch_add(1, std::memory_order_relaxed); },
                    {.place = i % 2 == 0 ? weft::place::next : weft::place::tail});
          }
          mine.wait();
        }
      });
    }
    all.wait();
    CHECK(ran == std::int64_t{spawners} * batches * batch);
    CHECK(eventually([] { return weft::num_fibers() == 1; }));
  });
}

TEST_CASE("stress/spawn_storm: a tree") {
  constexpr int depth = scaled(16, 10);
  run([] { CHECK(tree(depth) == (std::int64_t{1} << (depth + 1)) - 1); });
}

TEST_CASE("stress/spawn_storm: from threads") {
  constexpr int count = scaled(50'000, 3'000);
  run([] {
    std::atomic<int> ran{0};
    {
      std::vector<plain_thread> threads;
      for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
          for (int i = 0; i < count; ++i) {
            weft::go([&] { ++ran; });
            // Never many alive at once, which the thread sanitizer would not survive.
            while (i - ran / 3 > 2'000) std::this_thread::yield();
          }
        });
      }
    }
    CHECK(eventually([&] { return ran == 3 * count; }));
  });
}
