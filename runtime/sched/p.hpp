// SPDX-License-Identifier: Apache-2.0
// P: the right to schedule, and the data that goes with it. Whoever holds a P may touch the fields below
// that are not atomics; an idle P belongs to nobody. Ps are made at the start of a run and live to its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/fiber/stack_pool.hpp"
#include "runtime/sched/runq.hpp"
#include "runtime/timer/heap.hpp"

namespace weft::inline v0::rt {

struct alignas(64) P {
  explicit P(std::uint32_t index) : id(index) {
    for (auto& c : free_gs) c.reserve(2 * free_batch);
  }

  const std::uint32_t id;
  runq<G> queue;
  timer_heap timers;

  // The holder's.
  /// Schedules until the next visit to the scheduler stack for the global queue, the clock and the poller.
  std::uint32_t budget = max_budget;
  /// Fibers run from `next` in a row; with them a slice is inherited, see scheduler::visit.
  std::uint32_t streak = 0;
  clock::time_point streak_since{};
  clock::time_point last_visit{};
  std::uint32_t visit_interval = max_budget;

  /// Every 61st schedule looks at the global queue first, as in Go: a prime, so that it does not fall in
  /// step with what the program does.
  static constexpr std::uint32_t max_budget = 61;

  /// Dead Gs, the last one hottest.
  static constexpr std::size_t free_batch = 32;
  std::vector<G*> free_gs[stack_pool::classes];
  /// Where an overflow of the ring is collected (too large for a fiber's frame).
  G* overflow[runq<G>::overflow_batch] = {};
  std::uint64_t next_id = 0;
  std::uint64_t end_id = 0;

  // Counters: written by the holder, read by anybody.
  std::atomic<std::uint64_t> schedules{0};
  std::atomic<std::uint64_t> spawned{0};
  std::atomic<std::uint64_t> steals{0};
  std::atomic<std::uint64_t> stolen{0};

  static void bump(std::atomic<std::uint64_t>& counter, std::uint64_t n = 1) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);  // one writer
  }
};

}  // namespace weft::inline v0::rt
