// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/signal.hpp"

#include <cerrno>

#include <sys/signalfd.h>
#include <unistd.h>

namespace weft::inline v0::rt::os {

int signalfd_create(const sigset_t& set) noexcept {
  const int fd = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int signalfd_change(int fd, const sigset_t& set) noexcept {
  return ::signalfd(fd, &set, SFD_NONBLOCK | SFD_CLOEXEC) < 0 ? -errno : 0;
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
