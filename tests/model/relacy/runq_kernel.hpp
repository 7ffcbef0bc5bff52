// SPDX-License-Identifier: Apache-2.0
// Items and their account, for the kernels of the run queue.
#pragma once

#include "kernel.hpp"

#include "runtime/sched/runq.hpp"

namespace model {

namespace rt = weft::rt;

struct item {
  rl::var<int> data;  // written before the push, read by whoever takes the item: relacy reports the race
  int seq = 0;        // the harness's own, no shared variable
};

using ring = rt::runq<item, 4>;
/// Two pushes before the indices wrap.
inline constexpr std::uint32_t near_wrap = 0xfffffffe;

/// Counts that each of N items is taken once.
template <int N>
struct account {
  item items[N];
  int taken[N] = {};
  int made = 0;

  item* make() {
    item* it = &items[made];
    it->seq = made++;
    it->data(MODEL_HERE) = 100 + it->seq;
    return it;
  }
  void take(item* it) {
    MODEL_CHECK(it != nullptr && "a slot was read before its item was there");
    MODEL_CHECK(it->data(MODEL_HERE) == 100 + it->seq);
    MODEL_CHECK(++taken[it->seq] == 1 && "an item was taken twice");
  }
  void take_all(ring& q) {
    while (item* it = q.pop()) take(it);
  }
  void push(ring& q, item* it) {
    item* overflow[ring::overflow_batch];
    const std::uint32_t n = q.push(it, overflow);
    for (std::uint32_t i = 0; i < n; ++i) take(overflow[i]);
  }
  /// What a thief does: true if it got something.
  bool steal(ring& own, ring& victim) {
    std::uint32_t moved = 0;
    item* it = own.steal_from(victim, moved);
    if (it == nullptr) return false;
    take(it);
    return true;
  }
  void all_taken() {
    for (int i = 0; i < made; ++i) MODEL_CHECK(taken[i] == 1 && "an item was lost");
  }
};

}  // namespace model
