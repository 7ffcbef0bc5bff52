// SPDX-License-Identifier: Apache-2.0
// Signals that are read instead of handled. Results as in epoll.hpp.
#pragma once

#include <csignal>

namespace weft::inline v0::rt::os {

/// A signalfd that reads the signals of `set`, non-blocking and close-on-exec.
[[nodiscard]] [[gnu::noinline]] int signalfd_create(const sigset_t& set) noexcept;
/// Makes it read these instead; an event comes if one of them is pending.
[[nodiscard]] [[gnu::noinline]] int signalfd_change(int fd, const sigset_t& set) noexcept;
/// Takes one pending signal: its number, or -EAGAIN.
[[nodiscard]] [[gnu::noinline]] int signalfd_read(int fd) noexcept;

}  // namespace weft::inline v0::rt::os
