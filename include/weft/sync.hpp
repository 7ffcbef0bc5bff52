// SPDX-License-Identifier: Apache-2.0
// mutex and wait_group. Neither allocates; neither can be moved; both may be used from plain threads,
// which then sleep. Both may be put anywhere, static storage included.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <source_location>
#include <system_error>
#include <utility>

#include <weft/detail/config.hpp>
#include <weft/detail/spinlock.hpp>
#include <weft/detail/waiter_queue.hpp>
#include <weft/go.hpp>
#include <weft/until.hpp>

namespace weft::inline v0 {

/// Mutual exclusion between fibers: waiting parks the fiber, not the thread. Meets Lockable, so
/// std::lock_guard, std::unique_lock and std::scoped_lock work. Not recursive. A fiber may hold it over
/// calls that park. Newcomers may overtake waiters for throughput, but a waiter of more than 1 ms is
/// handed the lock next.
class WEFT_API mutex {
 public:
  constexpr mutex() noexcept = default;
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;

  /// Locks. May park; nothing interrupts it.
  void lock() noexcept {
    std::uint32_t free = 0;
    if (!state_.compare_exchange_strong(free, locked, std::memory_order_acquire, std::memory_order_relaxed)) {
      (void)lock_slow(until::never());
    }
  }
  /// Locks unless `u` or the fiber's context ends the wait first: errc::timed_out, errc::canceled. May park.
  [[nodiscard]] std::error_code lock(const until& u) noexcept {
    std::uint32_t free = 0;
    if (state_.compare_exchange_strong(free, locked, std::memory_order_acquire, std::memory_order_relaxed)) return {};
    return lock_slow(u);
  }
  [[nodiscard]] bool try_lock() noexcept {
    std::uint32_t free = 0;
    return state_.compare_exchange_strong(free, locked, std::memory_order_acquire, std::memory_order_relaxed);
  }
  /// Unlocks; does not park. Unlocking a mutex that is not locked ends the process with a message.
  void unlock() noexcept {
    std::uint32_t expected = locked;
    if (!state_.compare_exchange_strong(expected, 0, std::memory_order_release, std::memory_order_relaxed))
      unlock_slow();
  }

 private:
  static constexpr std::uint32_t locked = 1;     // nobody waits
  static constexpr std::uint32_t contended = 2;  // locked, and unlock must look at the queue

  std::error_code lock_slow(const until& u) noexcept;
  void unlock_slow() noexcept;

  std::atomic<std::uint32_t> state_{0};
  detail::spinlock queue_lock_;
  detail::waiter_queue queue_;
};

/// Waits for a number of things to be done, as Go's sync.WaitGroup.
class WEFT_API wait_group {
 public:
  constexpr wait_group() noexcept = default;
  wait_group(const wait_group&) = delete;
  wait_group& operator=(const wait_group&) = delete;

  /// Adds `n` (may be negative). Throws std::logic_error if the count would become negative. Does not park.
  void add(std::int64_t n);
  /// add(-1). After the last done() the wait_group may be destroyed by the waiter at once.
  void done() { add(-1); }
  /// Waits until the count is zero. May park; nothing interrupts it.
  void wait() noexcept { (void)wait_for(until::never()); }
  /// As wait(), unless `u` or the fiber's context ends it first: errc::timed_out, errc::canceled.
  [[nodiscard]] std::error_code wait(const until& u) noexcept { return wait_for(u); }

  /// add(1), and a fiber that calls `f`, destroys it and calls done(). Throws as weft::go. An exception from
  /// `f` ends the process, as in weft::go.
  template <std::invocable F>
  void go(F&& f, const spawn_options& options = {},
          const std::source_location& where = std::source_location::current()) {
    add(1);
    struct guard {
      wait_group* counted;
      ~guard() {
        if (counted != nullptr) counted->add(-1);
      }
    } undo{this};  // copying `f` may throw
    auto body = [this, f = std::optional<std::decay_t<F>>(std::forward<F>(f))]() mutable {
      std::invoke(*f);
      f.reset();  // what it captured is gone before a waiter goes on
      done();
    };
    if (auto ec = detail::launch(std::move(body), options, where, nullptr)) detail::throw_spawn_error(ec, where);
    undo.counted = nullptr;
  }

 private:
  std::error_code wait_for(const until& u) noexcept;

  // Everything under the lock, so that the last done() touches nothing after the waiter may have gone.
  detail::spinlock lock_;
  std::int64_t count_ = 0;
  detail::waiter_queue waiters_;
};

}  // namespace weft::inline v0
