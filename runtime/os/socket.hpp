// SPDX-License-Identifier: Apache-2.0
// Sockets, all of them non-blocking and close-on-exec. Every function returns its result, or a negated errno value
// (see epoll.hpp). EINTR is retried where the call may be.
#pragma once

#include <cstddef>
#include <cstdint>

#include <sys/socket.h>
#include <sys/types.h>

namespace weft::inline v0::rt::os {

[[nodiscard]] [[gnu::noinline]] int socket_stream(int family) noexcept;
[[nodiscard]] [[gnu::noinline]] int bind_socket(int fd, const sockaddr* sa, socklen_t len) noexcept;
[[nodiscard]] [[gnu::noinline]] int listen_socket(int fd, int backlog) noexcept;
[[nodiscard]] [[gnu::noinline]] int accept_socket(int fd) noexcept;
/// 0, or -EINPROGRESS: then connect_result() tells how it went.
[[nodiscard]] [[gnu::noinline]] int connect_socket(int fd, const sockaddr* sa, socklen_t len) noexcept;
/// 0 once connected, -EAGAIN while it is on the way, else why it failed (said once).
[[nodiscard]] [[gnu::noinline]] int connect_result(int fd) noexcept;

[[nodiscard]] [[gnu::noinline]] ssize_t receive(int fd, void* to, std::size_t n) noexcept;
/// Never raises SIGPIPE.
[[nodiscard]] [[gnu::noinline]] ssize_t send(int fd, const void* from, std::size_t n) noexcept;
[[nodiscard]] [[gnu::noinline]] int shutdown_writes(int fd) noexcept;

[[nodiscard]] [[gnu::noinline]] int set_option(int fd, int level, int name, int value) noexcept;
/// SO_LINGER with 0 seconds (close resets the connection), or off.
[[nodiscard]] [[gnu::noinline]] int set_linger_reset(int fd, bool on) noexcept;

[[nodiscard]] [[gnu::noinline]] int local_name(int fd, sockaddr_storage& out, socklen_t& len) noexcept;
[[nodiscard]] [[gnu::noinline]] int peer_name(int fd, sockaddr_storage& out, socklen_t& len) noexcept;

/// The number of a network interface, 0 if there is none of that name.
[[nodiscard]] [[gnu::noinline]] std::uint32_t interface_index(const char* name) noexcept;

}  // namespace weft::inline v0::rt::os
