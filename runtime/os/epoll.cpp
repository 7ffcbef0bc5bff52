// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/epoll.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <ctime>

#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/os/fallback.hpp"

namespace weft::inline v0::rt::os {

namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

// Set once the kernel said that it has no epoll_pwait2.
std::atomic<bool> no_pwait2{false};

/// Time left, not negative. Compared before subtracting: min() - now would overflow.
nanoseconds left(steady_clock::time_point deadline) noexcept {
  if (deadline == steady_clock::time_point::min()) return nanoseconds::zero();
  const auto now = steady_clock::now();
  return deadline <= now ? nanoseconds::zero() : nanoseconds(deadline - now);
}

int wait_ns(int ep, epoll_event* out, int max, const nanoseconds* timeout) noexcept {
  timespec ts{};
  if (timeout != nullptr) {
    ts.tv_sec = static_cast<time_t>(timeout->count() / 1'000'000'000);
    ts.tv_nsec = static_cast<long>(timeout->count() % 1'000'000'000);
  }
  // By number: the C library's wrapper is younger than the oldest one that weft runs on.
  const long n = ::syscall(SYS_epoll_pwait2, ep, out, max, timeout != nullptr ? &ts : nullptr, nullptr, 0);
  return n < 0 ? -errno : static_cast<int>(n);
}

int wait_ms(int ep, epoll_event* out, int max, const nanoseconds* timeout) noexcept {
  int ms = -1;
  if (timeout != nullptr) {
    // Rounded up: a timeout that ends too early makes the caller spin until its deadline.
    const auto whole = timeout->count() / 1'000'000 + (timeout->count() % 1'000'000 != 0 ? 1 : 0);
    ms = static_cast<int>(std::min<std::int64_t>(whole, INT_MAX));
  }
  const int n = ::epoll_wait(ep, out, max, ms);
  return n < 0 ? -errno : n;
}

}  // namespace

int epoll_create() noexcept {
  const int ep = ::epoll_create1(EPOLL_CLOEXEC);
  return ep < 0 ? -errno : ep;
}

int epoll_add(int ep, int fd, std::uint32_t events, std::uint64_t data) noexcept {
  epoll_event e{};
  e.events = events;
  e.data.u64 = data;
  return ::epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

int epoll_remove(int ep, int fd) noexcept {
  epoll_event unused{};  // kernels before 2.6.9 wanted one
  return ::epoll_ctl(ep, EPOLL_CTL_DEL, fd, &unused) < 0 ? -errno : 0;
}

int epoll_wait(int ep, epoll_event* out, int max, steady_clock::time_point deadline) noexcept {
  const bool for_ever = deadline == steady_clock::time_point::max();
  for (;;) {
    nanoseconds timeout{};
    if (!for_ever) timeout = left(deadline);
    const nanoseconds* limit = for_ever ? nullptr : &timeout;
    int n = 0;
    // Not waiting and waiting for ever need no resolution, and epoll_wait is there everywhere.
    const bool fine = limit != nullptr && timeout != nanoseconds::zero();
    if (fine && !no_pwait2.load(std::memory_order_relaxed) && !forced(fallback::epoll_pwait2)) {
      n = wait_ns(ep, out, max, limit);
      if (n == -ENOSYS || n == -EPERM) {  // EPERM: a filter written before the call existed
        no_pwait2.store(true, std::memory_order_relaxed);
        continue;
      }
    } else {
      n = wait_ms(ep, out, max, limit);
    }
    if (n != -EINTR) return n;
  }
}

int eventfd_create() noexcept {
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return fd < 0 ? -errno : fd;
}

int eventfd_signal(int fd) noexcept {
  const std::uint64_t one = 1;
  for (;;) {
    if (::write(fd, &one, sizeof one) == sizeof one) return 0;
    const int e = errno;
    if (e != EINTR) return -e;
  }
}

void close_fd(int fd) noexcept {
  (void)::close(fd);
}

}  // namespace weft::inline v0::rt::os
