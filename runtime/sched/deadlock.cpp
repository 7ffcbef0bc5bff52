// SPDX-License-Identifier: Apache-2.0
// Deadlock: reported only when it is certain that no fiber can ever run again. An M that goes to sleep while all Ps are
// idle and there is no timer and no descriptor to wait for raises the suspicion; the monitor verifies it. While the
// only thing against it is a thread that the runtime did not make, the monitor looks again from time to time: it may
// end.
#include <string>

#include "runtime/os/fatal.hpp"
#include "runtime/os/thread.hpp"
#include "runtime/sched/scheduler.hpp"

namespace weft::inline v0::rt {

using namespace std::chrono_literals;

scheduler::verdict scheduler::judge_deadlock() noexcept {
  // No thread of ours runs or is about to: threads_lock_ keeps new ones away, and an M that sleeps can only be
  // woken by one that does not. So if this holds at one instant under both locks, only others could change it.
  std::lock_guard threads(threads_lock_);
  std::lock_guard sleepers(sleepers_lock_);
  if (lent_.load(std::memory_order_relaxed) != 0) return verdict::alive;  // whoever comes back goes to sleep later
  if (sleeping_ != ms_.size() || idle_.load().idle != ps_.size()) return verdict::too_early;
  for (const auto& m : ms_) {
    if (m->handed_p != nullptr) return verdict::too_early;
  }
  if (live() == 0) return verdict::alive;
  if (work_visible() || earliest_timer() != timer_heap::none || net_->waiters() != 0) return verdict::alive;
  // The others: a thread of the program may send on a channel any time. (One of the known is the monitor.)
  return os::foreign_threads(static_cast<int>(ms_.size()) + 1) == 0 ? verdict::deadlocked : verdict::not_alone;
}

void scheduler::check_deadlock() noexcept {
  const verdict v = ending_ ? verdict::alive : judge_deadlock();
  next_suspicion_ = v == verdict::not_alone ? 1000ms : 1ms;
  if (v == verdict::too_early || v == verdict::not_alone) return;  // the suspicion stands
  maybe_deadlocked_.store(false, std::memory_order_relaxed);
  if (v == verdict::alive) return;
  const std::string report = "weft: fatal: all fibers are asleep - deadlock!\n\n" + dump();
  if (options_.on_deadlock) {
    options_.on_deadlock(report);
    return;
  }
  os::print_error(report);
  os::exit_process(2);
}

}  // namespace weft::inline v0::rt
