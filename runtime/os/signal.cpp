// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/signal.hpp"

#include <cerrno>
#include <cstddef>

#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace weft::inline v0::rt::os {

int signalfd_create(const sigset_t& set) noexcept {
  const int fd = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int signalfd_change(int fd, const sigset_t& set) noexcept {
  // By number, because ThreadSanitizer takes every call of the library's function for the making of a new fd, and so
  // this one for a race with whoever reads it.
  constexpr std::size_t kernel_size = 8;  // of a set of 64 signals
  return ::syscall(SYS_signalfd4, fd, &set, kernel_size, SFD_NONBLOCK | SFD_CLOEXEC) < 0 ? -errno : 0;
}

int signalfd_read(int fd) noexcept {
  signalfd_siginfo info;
  for (;;) {
    const ssize_t n = ::read(fd, &info, sizeof info);
    if (n == static_cast<ssize_t>(sizeof info)) return static_cast<int>(info.ssi_signo);
    if (n >= 0) return -EIO;
    const int e = errno;
    if (e != EINTR) return -e;
  }
}

}  // namespace weft::inline v0::rt::os
