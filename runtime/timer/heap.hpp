// SPDX-License-Identifier: Apache-2.0
// Timers of one P: an intrusive pairing heap under a lock.
//
// Why a pairing heap: arming must not allocate (it happens while a fiber parks), and nearly all timers are
// deadlines that are cancelled: insert is O(1), and removing a timer that nothing was linked under is O(1)
// too. Expiry is O(log n) amortised. (A 4-ary heap in an array, as Go's, needs an array that grows, and
// either an index written into each moved timer, a cold line, or lazy deletion, which a timer in a parked
// frame cannot have.) Equal times fire in no particular order.
//
// Two kinds. A *wait* timer ends a wait: its ticket is claimed under the heap's lock, so after remove()
// returned, or once another source has won the wait, nothing touches the timer any more, and it may live in
// the waiting fiber's frame. A *callback* timer calls `fire` after the lock is released; its owner keeps it
// alive (see sync/timer.cpp) and tells stale calls by the sequence number it was armed with.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include <weft/detail/deadline.hpp>
#include <weft/detail/spinlock.hpp>
#include <weft/detail/wait.hpp>

namespace weft::inline v0::rt {

class timer_heap;

struct timer {
  clock::time_point when;
  /// Wait timers: what to claim. Callback timers: empty.
  detail::ticket wait;
  /// Callback timers: called on a scheduler stack with the `seq` of arming; must not park. `retain` is called
  /// under the heap's lock when the timer is taken out to fire, and must keep it alive until `fire` returns.
  void (*fire)(timer&, std::uint64_t seq) noexcept = nullptr;
  void (*retain)(timer&) noexcept = nullptr;
  std::uint64_t seq = 0;

  // The heap's.
  std::atomic<timer_heap*> heap{nullptr};  ///< where it is armed; changes under that heap's lock
  timer* child = nullptr;
  timer* next = nullptr;
  timer* prev = nullptr;  ///< previous sibling, or parent if first child
};

class timer_heap {
 public:
  static constexpr std::int64_t none = INT64_MAX;

  enum class armed : std::uint8_t { no, yes, earliest };
  /// Arms, unless the heap is closed. If it is now the earliest, the caller sees to it that nobody sleeps past it
  /// (scheduler::arm).
  armed insert(timer& t) noexcept;
  /// Disarms if it is armed here. True if it was.
  bool remove(timer& t) noexcept;

  /// When the earliest is due, in clock ticks; `none` if there is none. seq_cst, see scheduler::sleep_in_poller.
  [[nodiscard]] std::int64_t earliest() const noexcept { return earliest_.load(std::memory_order_seq_cst); }

  /// Takes out up to `n` timers that are due. Wait timers are claimed; the claimed parkers are put in `ready`,
  /// callback timers in `fire` with their seq (both arrays of size n). Returns the number of entries.
  struct due {
    detail::parker* ready;  ///< a claimed waiter, or null
    timer* callback;        ///< or a timer to fire
    std::uint64_t seq;
  };
  std::size_t take_due(clock::time_point now, due* out, std::size_t n) noexcept;

  /// End of a run: arms no more. Callback timers that are left are told, by `fire` with this seq.
  void close() noexcept;
  static constexpr std::uint64_t run_over = UINT64_MAX;

 private:
  static timer* meld(timer* a, timer* b) noexcept;
  static timer* merge_pairs(timer* first) noexcept;
  void unlink_root() noexcept;
  void publish() noexcept;

  detail::spinlock lock_;
  timer* root_ = nullptr;
  bool closed_ = false;
  std::atomic<std::int64_t> earliest_{none};
};

}  // namespace weft::inline v0::rt
