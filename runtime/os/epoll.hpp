// SPDX-License-Identifier: Apache-2.0
// epoll and the eventfd that wakes it. Every function returns its result, or a negated errno value: errno itself
// is no channel between functions, because a fiber may be on another thread by the time it looks.
#pragma once

#include <chrono>
#include <cstdint>

#include <sys/epoll.h>

namespace weft::inline v0::rt::os {

// Not inlined, so that no caller that parks ever holds the address of some thread's errno.

/// A new instance, close-on-exec.
[[nodiscard]] [[gnu::noinline]] int epoll_create() noexcept;
[[nodiscard]] [[gnu::noinline]] int epoll_add(int ep, int fd, std::uint32_t events, std::uint64_t data) noexcept;
[[nodiscard]] [[gnu::noinline]] int epoll_remove(int ep, int fd) noexcept;
/// Waits until the deadline at nanosecond resolution (time_point::min() and past ones: not at all, max(): for ever).
/// Kernels without epoll_pwait2 (before 5.11, or a seccomp filter) round up to the next millisecond. Retries EINTR.
[[nodiscard]] [[gnu::noinline]] int epoll_wait(int ep, epoll_event* out, int max,
                                               std::chrono::steady_clock::time_point deadline) noexcept;

/// A new eventfd, non-blocking, close-on-exec.
[[nodiscard]] [[gnu::noinline]] int eventfd_create() noexcept;
/// Adds one to it: an edge for whoever polls it.
[[nodiscard]] [[gnu::noinline]] int eventfd_signal(int fd) noexcept;

/// Closes. Never retried: Linux has given the number back even when it says EINTR.
[[gnu::noinline]] void close_fd(int fd) noexcept;

}  // namespace weft::inline v0::rt::os
