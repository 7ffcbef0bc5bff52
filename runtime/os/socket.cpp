// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/socket.hpp"

#include <cerrno>

#include <net/if.h>

namespace weft::inline v0::rt::os {

int socket_stream(int family) noexcept {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return fd < 0 ? -errno : fd;
}

int bind_socket(int fd, const sockaddr* sa, socklen_t len) noexcept {
  return ::bind(fd, sa, len) < 0 ? -errno : 0;
}

int listen_socket(int fd, int backlog) noexcept {
  return ::listen(fd, backlog) < 0 ? -errno : 0;
}

int accept_socket(int fd) noexcept {
  for (;;) {
    const int c = ::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (c >= 0) return c;
    const int e = errno;
    if (e != EINTR) return -e;
  }
}

int connect_socket(int fd, const sockaddr* sa, socklen_t len) noexcept {
  if (::connect(fd, sa, len) == 0) return 0;
  const int e = errno;
  return e == EINTR ? -EINPROGRESS : -e;  // interrupted, it goes on by itself; a second connect() is an error
}

int connect_result(int fd) noexcept {
  int error = 0;
  socklen_t len = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0) return -errno;
  if (error == EINPROGRESS || error == EALREADY || error == EINTR) return -EAGAIN;
  if (error != 0 && error != EISCONN) return -error;
  // No error is not yet a connection. Asked second: an error that comes in between brings an event of its own.
  sockaddr_storage peer;
  socklen_t size = sizeof peer;
  const int e = peer_name(fd, peer, size);
  return e == -ENOTCONN ? -EAGAIN : e;
}

ssize_t receive(int fd, void* to, std::size_t n) noexcept {
  for (;;) {
    const ssize_t got = ::recv(fd, to, n, 0);
    if (got >= 0) return got;
    const int e = errno;
    if (e != EINTR) return -e;
  }
}

ssize_t send(int fd, const void* from, std::size_t n) noexcept {
  for (;;) {
    const ssize_t sent = ::send(fd, from, n, MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    const int e = errno;
    if (e != EINTR) return -e;
  }
}

int shutdown_writes(int fd) noexcept {
  return ::shutdown(fd, SHUT_WR) < 0 ? -errno : 0;
}

int set_option(int fd, int level, int name, int value) noexcept {
  return ::setsockopt(fd, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

int set_linger_reset(int fd, bool on) noexcept {
  linger l{};
  l.l_onoff = on ? 1 : 0;
  l.l_linger = 0;
  return ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l) < 0 ? -errno : 0;
}

int local_name(int fd, sockaddr_storage& out, socklen_t& len) noexcept {
  len = sizeof out;
  return ::getsockname(fd, reinterpret_cast<sockaddr*>(&out), &len) < 0 ? -errno : 0;
}

int peer_name(int fd, sockaddr_storage& out, socklen_t& len) noexcept {
  len = sizeof out;
  return ::getpeername(fd, reinterpret_cast<sockaddr*>(&out), &len) < 0 ? -errno : 0;
}

std::uint32_t interface_index(const char* name) noexcept {
  return ::if_nametoindex(name);
}

}  // namespace weft::inline v0::rt::os
