// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <system_error>

#include "tests/integration/process.hpp"

namespace weft::integration {

namespace {

using std::chrono::milliseconds;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::system_category(), what);
}

sockaddr_in address(std::string_view host, int port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(static_cast<in_port_t>(port));
  ::inet_pton(AF_INET, std::string(host).c_str(), &a.sin_addr);
  return a;
}

// Waits for `events`; returns what is there, 0 if nothing came in time.
short wait_for(int fd, short events) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left <= milliseconds(0)) return 0;
    pollfd p{.fd = fd, .events = events, .revents = 0};
    const int n = ::poll(&p, 1, static_cast<int>(left.count()));
    if (n > 0) return p.revents;
    if (n < 0 && errno != EINTR) fail("poll");
  }
}

}  // namespace

client::client(int port, std::string_view source, int receive_buffer) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) fail("socket");
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (receive_buffer != 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  const auto as_sockaddr = [](sockaddr_in& a) { return reinterpret_cast<sockaddr*>(&a); };
  if (!source.empty()) {
    // The port is chosen when the other end is known, so each source has all ports for each server.
    ::setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    auto from = address(source, 0);
    if (::bind(fd_, as_sockaddr(from), sizeof from) != 0) fail("bind");
  }
  auto to = address("127.0.0.1", port);
  if (::connect(fd_, as_sockaddr(to), sizeof to) != 0) {
    const int error = errno;
    close();
    throw std::system_error(error, std::system_category(), "connect");
  }
}

void client::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void client::shutdown_write() const {
  ::shutdown(fd_, SHUT_WR);
}

long client::send_some(std::string_view text) {
  const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return 0;
  return n;
}

void client::send(std::string_view text) {
  while (!text.empty()) {
    if ((wait_for(fd_, POLLOUT) & POLLOUT) == 0) throw connection_lost("cannot send");
    const long n = send_some(text);
    if (n < 0) throw connection_lost("send: " + std::system_category().message(errno));
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

void client::send_byte_by_byte(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) send(text.substr(i, 1));
}

bool client::receive_some() {
  if (wait_for(fd_, POLLIN) == 0) throw std::runtime_error("nothing came from the server in time");
  std::array<char, 16384> buffer;
  const ssize_t n = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (n < 0) throw connection_lost("recv: " + std::system_category().message(errno));
  in_.append(buffer.data(), static_cast<std::size_t>(n));
  return n != 0;
}

response client::receive(bool head_only) {
  response r;
  std::size_t end = 0;
  while ((end = in_.find("\r\n\r\n")) == in_.npos) {
    if (!receive_some()) throw connection_lost("the connection ended before a response: '" + in_ + "'");
  }
  r.head = in_.substr(0, end + 4);
  in_.erase(0, end + 4);
  if (!r.head.starts_with("HTTP/1.1 ")) throw std::runtime_error("not a response: " + r.head);
  std::from_chars(r.head.data() + 9, r.head.data() + 12, r.status);
  if (r.status / 100 == 1) return r;

  std::size_t length = 0;
  constexpr std::string_view field = "\r\nContent-Length: ";
  const auto at = r.head.find(field);
  if (at == r.head.npos) throw std::runtime_error("no length: " + r.head);
  std::from_chars(r.head.data() + at + field.size(), r.head.data() + r.head.size(), length);
  if (!head_only) r.body = receive_bytes(length);
  return r;
}

std::string client::receive_bytes(std::size_t n) {
  while (in_.size() < n) {
    if (!receive_some()) throw connection_lost("the connection ended in the middle: '" + in_ + "'");
  }
  std::string bytes = in_.substr(0, n);
  in_.erase(0, n);
  return bytes;
}

std::string client::receive_to_end() {
  while (receive_some()) {
  }
  return std::exchange(in_, {});
}

bool client::sees_end() {
  try {
    (void)receive_to_end();
    return true;
  } catch (const connection_lost&) {
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

bool client::readable() const {
  pollfd p{.fd = fd_, .events = POLLIN, .revents = 0};
  return ::poll(&p, 1, 0) > 0;
}

response get(int port, std::string_view path) {
  client c(port);
  c.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
  return c.receive();
}

}  // namespace weft::integration
