// SPDX-License-Identifier: Apache-2.0
// The lock of channels and other small objects: held for a few dozen instructions, never across a
// park, a system call or user code (but the nothrow move of a channel element).
#pragma once

#include <atomic>

#include <weft/detail/config.hpp>

namespace weft::inline v0::detail {

class spinlock {
 public:
  void lock() noexcept {
    if (held_.exchange(true, std::memory_order_acquire)) [[unlikely]]
      lock_slow();
  }
  bool try_lock() noexcept { return !held_.exchange(true, std::memory_order_acquire); }
  void unlock() noexcept { held_.store(false, std::memory_order_release); }

 private:
  // The holder may have lost its CPU, so waiting backs off (4 to 64 pauses) and then gives the CPU
  // to the kernel; it never spins unbounded.
  WEFT_API void lock_slow() noexcept;

  std::atomic<bool> held_{false};
};

}  // namespace weft::inline v0::detail
