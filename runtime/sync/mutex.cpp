// SPDX-License-Identifier: Apache-2.0
// mutex: a word and a queue.
//
// Unlocking sets the word free and wakes the first waiter, which competes with newcomers (they have the CPU, so
// letting them in is what makes a mutex fast). A waiter that loses goes back to the *front*. One that has waited for
// more than 1 ms is not set free to compete but handed the lock: the word stays locked on its behalf.
//
// Word: 0 free; locked; contended = locked, and unlock() must look at the queue. Invariant: if the queue is not
// empty, the word is contended, or a waiter that was woken is on its way to lock_slow, where it makes it so again.
#include <algorithm>
#include <mutex>

#include <weft/sync.hpp>

#include "runtime/os/fatal.hpp"

namespace weft::inline v0 {

namespace {
constexpr auto patience = std::chrono::milliseconds(1);
}

std::error_code mutex::lock_slow(const until& u) noexcept {
  auto since = clock::now();
  bool woken = false;
  for (;;) {
    queue_lock_.lock();
    // Take it if it is free, else announce ourselves; in one step with respect to unlock().
    std::uint32_t s = state_.load(std::memory_order_relaxed);
    for (;;) {
      if (s == 0) {
        if (state_.compare_exchange_weak(s, queue_.empty() ? locked : contended, std::memory_order_acquire,
                                         std::memory_order_relaxed)) {
          queue_lock_.unlock();
          return {};
        }
      } else if (s == contended || state_.compare_exchange_weak(s, contended, std::memory_order_relaxed)) {
        break;
      }
    }
    detail::waiting wait(u);
    detail::queued_waiter me{.tok = wait.token(), .slot = &since};
    if (woken) {
      queue_.push_front(me);
    } else {
      queue_.push_back(me);
    }
    queue_lock_.unlock();
    const detail::wake how = wait.park(detail::wait_reason::mutex_lock, this);
    if (how != detail::wake::object) {
      std::lock_guard hold(queue_lock_);
      queue_.remove(me);
      return detail::to_error(how);
    }
    if (me.ok) return {};  // handed over
    woken = true;
  }
}

void mutex::unlock_slow() noexcept {
  std::unique_lock hold(queue_lock_);
  detail::queued_waiter* w = nullptr;
  for (;;) {
    if (state_.load(std::memory_order_relaxed) == 0) rt::os::fatal("weft::mutex: unlock of a mutex that is not locked");
    if ((w = queue_.pop_claimed()) != nullptr) break;
    // Nobody waits. The word is the last thing touched: who locks next may destroy the mutex.
    state_.store(locked, std::memory_order_relaxed);
    hold.unlock();
    std::uint32_t expected = locked;
    if (state_.compare_exchange_strong(expected, 0, std::memory_order_release, std::memory_order_relaxed)) return;
    hold.lock();  // somebody has come to wait meanwhile
  }
  const auto since = *static_cast<clock::time_point*>(w->slot);
  if (clock::now() - since > patience) {
    w->ok = true;
    if (queue_.empty()) state_.store(locked, std::memory_order_relaxed);
  } else {
    state_.store(0, std::memory_order_release);
  }
  hold.unlock();
  w->tok.ready();
}

}  // namespace weft::inline v0
