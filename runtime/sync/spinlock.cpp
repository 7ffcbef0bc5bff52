// SPDX-License-Identifier: Apache-2.0
#include <weft/detail/spinlock.hpp>

#include "runtime/os/thread.hpp"

namespace weft::inline v0::detail {

void spinlock::lock_slow() noexcept {
  constexpr int most_pauses = 64;
  int pauses = 4;
  do {
    // Read only, so that the holder's line stays with the holder.
    while (held_.load(std::memory_order_relaxed)) {
      if (pauses > most_pauses) {
        rt::os::yield();
        continue;
      }
      for (int i = 0; i < pauses; ++i) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
      }
      pauses *= 2;
    }
  } while (held_.exchange(true, std::memory_order_acquire));
}

}  // namespace weft::inline v0::detail
