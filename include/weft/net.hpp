// SPDX-License-Identifier: Apache-2.0
// TCP. Calls look blocking and park the fiber; the thread goes on with other fibers.
//
//     auto ln = weft::net::listen("tcp", "127.0.0.1:8080");
//     while (auto c = ln->accept()) weft::go([c = std::move(*c)]() mutable { ... });
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <sys/socket.h>

#include <weft/detail/config.hpp>
#include <weft/error.hpp>
#include <weft/until.hpp>

namespace weft::inline v0 {

namespace netpoll {
class descriptor;
void close_handle(descriptor*) noexcept;
}  // namespace netpoll

namespace net {

/// An IPv4 or IPv6 address with a port.
class WEFT_API address {
 public:
  address() noexcept = default;
  address(const sockaddr* sa, socklen_t len) noexcept;

  /// "127.0.0.1:80", "[::1]:80", ":80" (all interfaces). Numeric only. errc::bad_address.
  [[nodiscard]] static std::expected<address, std::error_code> parse(std::string_view text);

  /// "127.0.0.1:80" or "[::1]:80"; "" if there is none.
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] std::uint16_t port() const noexcept;
  [[nodiscard]] const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
  [[nodiscard]] socklen_t size() const noexcept { return size_; }

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

/// A connected stream. Movable, one owner; the destructor closes. One fiber may read while another
/// writes; two readers (or two writers) take turns, a write_all is never interleaved with another.
/// After close() every call returns errc::closed.
class WEFT_API conn {
 public:
  conn() noexcept = default;
  conn(conn&& o) noexcept : d_(std::exchange(o.d_, nullptr)) {}
  conn& operator=(conn&& o) noexcept;
  ~conn();

  /// Reads what is there, at least one byte and at most `buffer`. May park. End of stream: {0, errc::eof}.
  /// An empty buffer reads nothing and succeeds. Errors: errc::closed, timed_out, canceled, or the kernel's.
  [[nodiscard]] io_result read(std::span<std::byte> buffer, const until& u = {});
  [[nodiscard]] io_result read(std::span<char> buffer, const until& u = {}) {
    return read(std::as_writable_bytes(buffer), u);
  }
  /// Writes at least one byte (none if `data` is empty). May park. Errors as read(); a peer that is gone is
  /// std::errc::broken_pipe or connection_reset, never a signal.
  [[nodiscard]] io_result write(std::span<const std::byte> data, const until& u = {});
  /// Writes all of it; on an error, `n` bytes had been accepted before. May park.
  [[nodiscard]] io_result write_all(std::span<const std::byte> data, const until& u = {});
  [[nodiscard]] io_result write_all(std::string_view text, const until& u = {}) {
    return write_all(std::as_bytes(std::span(text.data(), text.size())), u);
  }

  /// No more writes from here: the peer reads end of stream. Does not park.
  std::error_code shutdown_write() noexcept;
  /// Calls in progress on this connection end with errc::closed; then the file descriptor is closed. May park
  /// (until those calls have left). errc::closed if it was closed before.
  std::error_code close() noexcept;

  /// Deadlines of all reads and writes, those in progress included; time_point::max() means none, a past one
  /// ends them at once. They add to the `until` of a call: the earlier counts. They do not park.
  void set_deadline(clock::time_point t) noexcept;
  void set_read_deadline(clock::time_point t) noexcept;
  void set_write_deadline(clock::time_point t) noexcept;
  template <class Rep, class Period>
  void set_deadline(std::chrono::duration<Rep, Period> d) noexcept {
    set_deadline(detail::deadline_after(d));
  }
  template <class Rep, class Period>
  void set_read_deadline(std::chrono::duration<Rep, Period> d) noexcept {
    set_read_deadline(detail::deadline_after(d));
  }
  template <class Rep, class Period>
  void set_write_deadline(std::chrono::duration<Rep, Period> d) noexcept {
    set_write_deadline(detail::deadline_after(d));
  }

  /// TCP_NODELAY; on by default, as in Go.
  std::error_code set_no_delay(bool on) noexcept;
  /// SO_LINGER with 0 seconds: close() resets the connection.
  std::error_code set_reset_on_close(bool on) noexcept;

  [[nodiscard]] address local_address() const noexcept;
  [[nodiscard]] address remote_address() const noexcept;
  /// The file descriptor, still weft's: do not close it or change its flags. -1 if closed.
  [[nodiscard]] int native_handle() const noexcept;
  [[nodiscard]] explicit operator bool() const noexcept { return d_ != nullptr; }

  /// For weft's own code.
  explicit conn(netpoll::descriptor* d) noexcept : d_(d) {}

 private:
  netpoll::descriptor* d_ = nullptr;
};

/// A listening socket. Movable, one owner; the destructor closes. Many fibers may accept at once.
class WEFT_API listener {
 public:
  listener() noexcept = default;
  listener(listener&& o) noexcept : d_(std::exchange(o.d_, nullptr)) {}
  listener& operator=(listener&& o) noexcept;
  ~listener();

  /// The next connection. May park. errc::closed after close(); std::errc::too_many_files_open and the like are
  /// returned to the caller, who should wait a little before trying again.
  [[nodiscard]] std::expected<conn, std::error_code> accept(const until& u = {});
  /// As conn::close(). Connections that were not accepted are reset by the kernel.
  std::error_code close() noexcept;
  /// Where it listens, with the port that the kernel chose if 0 was asked for.
  [[nodiscard]] address local_address() const noexcept;
  [[nodiscard]] int native_handle() const noexcept;
  [[nodiscard]] explicit operator bool() const noexcept { return d_ != nullptr; }

  /// For weft's own code.
  explicit listener(netpoll::descriptor* d) noexcept : d_(d) {}

 private:
  netpoll::descriptor* d_ = nullptr;
};

struct listen_options {
  int backlog = 4096;         ///< the kernel cuts it at net.core.somaxconn
  bool reuse_address = true;  ///< SO_REUSEADDR
  bool reuse_port = false;    ///< SO_REUSEPORT
};

/// Listens. `network`: "tcp", "tcp4" or "tcp6"; `addr`: "host:port", "[v6]:port" or ":port"; port 0 lets the
/// kernel choose. A host that is not numeric is looked up (getaddrinfo in weft::blocking): may park.
/// errc::bad_address, std::errc::address_in_use, …
[[nodiscard]] WEFT_API std::expected<listener, std::error_code> listen(std::string_view network, std::string_view addr,
                                                                       const listen_options& options = {});
/// Connects; tries each address of the host in turn. May park. errc::timed_out, std::errc::connection_refused, …
[[nodiscard]] WEFT_API std::expected<conn, std::error_code> dial(std::string_view network, std::string_view addr,
                                                                 const until& u = {});

}  // namespace net
}  // namespace weft::inline v0
