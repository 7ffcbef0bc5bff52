// SPDX-License-Identifier: Apache-2.0
// M: one thread that runs fibers. Its own stack is g0, the scheduler stack: searching, polling, timers and
// sleeping happen there, never on a fiber's.
#pragma once

#include <atomic>
#include <cstdint>

#include <pthread.h>

#include "runtime/fiber/execution.hpp"
#include "runtime/fiber/g.hpp"
#include "runtime/sched/p.hpp"

namespace weft::inline v0::rt {

class scheduler;

struct M {
  scheduler* sched = nullptr;
  P* p = nullptr;     ///< null: idle, or running a fiber inside blocking()
  G* curg = nullptr;  ///< the fiber it runs; null on g0
  execution g0;
  exception_state* exceptions = nullptr;

  /// What must happen once the fiber `left` has left its stack: called on the other side of each switch,
  /// before anything else. See park.cpp.
  void (*commit)(M&, G&) noexcept = nullptr;
  G* left = nullptr;

  /// Awake in scheduler code: it may be about to find, or to wake somebody for, whatever waits in a queue. False while
  /// it runs a fiber's own code or sleeps. For the monitor, which must not take a stopped decision for a lost wake-up.
  std::atomic<bool> deciding{true};
  bool searching = false;  ///< counted in idle_state's searchers
  std::uint32_t last_p = 0;
  std::uint64_t random = 0;
  pthread_t thread{};
  std::uint32_t id = 0;

  // Sleeping; under scheduler::sleepers_lock but for `wake`.
  M* idle_prev = nullptr;
  M* idle_next = nullptr;
  bool in_idle_list = false;
  bool poll_in_vain = false;   ///< its last poll found fibers, but no P for them
  P* handed_p = nullptr;       ///< what the waker gives
  bool handed_search = false;  ///< ... as a searcher
  std::atomic<std::uint32_t> wake{0};
};

}  // namespace weft::inline v0::rt
