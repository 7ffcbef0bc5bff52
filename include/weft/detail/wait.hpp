// SPDX-License-Identifier: Apache-2.0
// One wait of one fiber or plain thread: the contract between the things that can be waited for
// (channels, mutexes, sockets, timers, contexts) and the scheduler. Not for users.
//
// A wait has a *ticket*. Everything that could end the wait holds a copy, and exactly one of them
// wins claim(); the winner then writes its result (a received value, say) and calls ready(), once.
// The loser's claim() fails and it must touch nothing of the waiter any more.
//
// Why tickets and not pointers to a node on the waiter's stack: the claim word lives in the
// type-stable G and carries a sequence number, so a source that comes late (a cancellation that
// read the word before another source won) fails its CAS instead of writing into a dead frame.
#pragma once

#include <atomic>
#include <cstdint>
#include <system_error>

#include <weft/detail/config.hpp>
#include <weft/detail/wait_reasons.hpp>
#include <weft/until.hpp>

namespace weft::inline v0::detail {

/// Who won a wait.
enum class wake : std::uint8_t {
  none = 0,
  object = 1,     ///< what was waited for
  timed_out = 2,  ///< the deadline
  canceled = 3,   ///< a context or stop token
  retry = 4,      ///< look again: something about the wait changed (a deadline was moved)
};

/// What can wait: a fiber (the base of its G) or a plain thread (on its stack for one wait).
struct parker {
  /// seq << 8 | state: 0 no wait, 1 open, 2 open and interruptible by the fiber's own context,
  /// 16 + wake: claimed.
  std::atomic<std::uint64_t> word{0};
  /// The park permit, see runtime/sched/permit.hpp: 0 none, 1 parked, 2 notified.
  std::atomic<std::uint32_t> permit{0};
  bool is_fiber = false;
};

struct ticket {
  parker* who = nullptr;
  std::uint64_t open = 0;  ///< the value of who->word while the wait is open

  explicit operator bool() const noexcept { return who != nullptr; }
  /// True for exactly one caller a wait; acquires what the waiter wrote before it published the ticket.
  bool claim(wake w) const noexcept {
    std::uint64_t expected = open;
    return who->word.compare_exchange_strong(expected,
                                             (open & ~std::uint64_t{0xff}) | (16 + static_cast<std::uint64_t>(w)),
                                             std::memory_order_seq_cst, std::memory_order_relaxed);
  }
  /// Makes the waiter run; only after a claim() that returned true, and once. Never parks or allocates.
  void ready() const noexcept { ready(who); }
  WEFT_API static void ready(parker* who) noexcept;
};

/// Opens a wait on construction. Either park() or abandon() ends it.
class WEFT_API waiting {
 public:
  /// `u` must outlive this object.
  explicit waiting(const until& u) noexcept;
  waiting(const waiting&) = delete;
  waiting& operator=(const waiting&) = delete;

  [[nodiscard]] ticket token() const noexcept { return {who_, open_}; }

  /// Waits until somebody who holds the ticket (or the deadline, or a cancellation) has claimed it
  /// and called ready(). May park. Returns who won. `what` is shown in dumps.
  wake park(wait_reason why, const void* what = nullptr) noexcept;

 private:
  parker* who_;
  std::uint64_t open_;
  const until& until_;
  parker thread_;  // used when the caller is a plain thread
};

/// A node of the list of those who wait for a context to be done, beside its own fibers.
struct context_waiter {
  ticket tok;
  context_waiter* prev = nullptr;
  context_waiter* next = nullptr;
  bool linked = false;
  bool fired = false;  ///< this node won the wait
};

/// The error that a lost wait is reported as: timed_out or canceled; success for wake::object.
WEFT_API std::error_code to_error(wake w) noexcept;

}  // namespace weft::inline v0::detail
