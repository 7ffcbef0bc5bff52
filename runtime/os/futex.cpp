// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/futex.hpp"

#include <cerrno>
#include <ctime>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace weft::inline v0::rt::os {

bool futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                std::chrono::steady_clock::time_point deadline) noexcept {
  using namespace std::chrono;
  timespec at{};
  timespec* timeout = nullptr;
  if (deadline != steady_clock::time_point::max()) {
    const auto since = deadline.time_since_epoch();  // steady_clock is CLOCK_MONOTONIC here
    if (since.count() <= 0) return false;
    const auto s = duration_cast<seconds>(since);
    at.tv_sec = static_cast<time_t>(s.count());
    at.tv_nsec = static_cast<long>((since - s).count());
    timeout = &at;
  }
  // WAIT_BITSET takes an absolute time, so an early return does not stretch the wait.
  const long r = ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG,
                           expected, timeout, nullptr, FUTEX_BITSET_MATCH_ANY);
  return !(r == -1 && errno == ETIMEDOUT);
}

void futex_wake(const std::atomic<std::uint32_t>* word, int n) noexcept {
  ::syscall(SYS_futex, reinterpret_cast<const std::uint32_t*>(word), FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n, nullptr,
            nullptr, 0);
}

}  // namespace weft::inline v0::rt::os
