// SPDX-License-Identifier: Apache-2.0
// The other side of a connection: plain blocking sockets and nothing of weft's, so that a mistake in weft
// cannot hide itself. What doesn't come in time throws.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace weft::integration {

struct response {
  int status = 0;
  std::string head;  ///< status line and fields, with the empty line
  std::string body;

  [[nodiscard]] bool has(std::string_view field_line) const {
    return head.find("\r\n" + std::string(field_line) + "\r\n") != std::string::npos;
  }
};

/// The server closed before a whole response was there, or reset the connection.
struct connection_lost : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class client {
 public:
  /// Connects to 127.0.0.1:`port`, from `source` if it is one.
  explicit client(int port, std::string_view source = {}, int receive_buffer = 0);
  client(client&& o) noexcept : fd_(std::exchange(o.fd_, -1)), in_(std::move(o.in_)) {}
  client& operator=(client&& o) noexcept {
    std::swap(fd_, o.fd_);
    std::swap(in_, o.in_);
    return *this;
  }
  ~client() { close(); }

  void send(std::string_view text);
  /// Sends what the kernel takes at once; -1 if the connection is broken.
  [[nodiscard]] long send_some(std::string_view text);
  void send_byte_by_byte(std::string_view text);

  /// The next response, whole. `head_only`: to a HEAD request.
  response receive(bool head_only = false);
  /// Exactly `n` bytes.
  std::string receive_bytes(std::size_t n);
  /// Waits for the server to close in good order; returns what came before.
  std::string receive_to_end();
  /// Whether there is something to receive now.
  [[nodiscard]] bool readable() const;
  /// True if the server closes, in whatever way.
  [[nodiscard]] bool sees_end();

  void shutdown_write() const;
  void close();
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  [[nodiscard]] bool receive_some();  // false: end of stream

  int fd_ = -1;
  std::string in_;
};

/// One request on a connection of its own.
response get(int port, std::string_view path);

}  // namespace weft::integration
