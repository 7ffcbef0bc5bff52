// SPDX-License-Identifier: Apache-2.0
// The bracket around every public call that touches M or P. Constructing it is rt_enter(), its end is
// rt_exit(). On an M both are empty for now; the lease will live here (who holds P is checked on the way in,
// and may change on the way out), which is why no call does without it.
//
// On a plain thread it pins the run: the runtime is not taken down while such a call is inside, although the
// fiber it woke may be the last.
#pragma once

#include "runtime/fiber/current.hpp"
#include "runtime/sched/scheduler.hpp"

namespace weft::inline v0::rt {

/// The run that plain threads find. Null if none is on.
scheduler* pin_run() noexcept;
void unpin_run() noexcept;
/// Plain threads inside now.
[[nodiscard]] std::uint32_t run_pins() noexcept;
/// Makes `s` the run of this process; false if there is one.
bool publish_run(scheduler* s) noexcept;
/// Ends that, and waits until no plain thread is inside.
void retract_run() noexcept;

class entry {
 public:
  entry() noexcept : m_(current_m()), sched_(m_ != nullptr ? m_->sched : pin_run()) {}
  ~entry() {
    if (m_ == nullptr) unpin_run();
  }
  entry(const entry&) = delete;
  entry& operator=(const entry&) = delete;

  /// The caller's M; null on a plain thread. Not valid after anything that may park.
  [[nodiscard]] M* m() const noexcept { return m_; }
  /// The run; null if none is on.
  [[nodiscard]] scheduler* sched() const noexcept { return sched_; }

 private:
  M* const m_;
  scheduler* const sched_;
};

}  // namespace weft::inline v0::rt
