// SPDX-License-Identifier: Apache-2.0
// weft/net.hpp on descriptors.
#include <cerrno>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <weft/net.hpp>

#include "netpoll/current.hpp"
#include "netpoll/descriptor.hpp"
#include "netpoll/resolve.hpp"
#include "runtime/os/epoll.hpp"
#include "runtime/os/socket.hpp"

namespace weft::inline v0::net {

namespace {

using netpoll::descriptor;
namespace os = rt::os;

std::error_code from_kernel(int negated) noexcept {
  return {-negated, std::system_category()};
}

/// A setting; EBADF from with_fd means closed.
std::error_code setting(int negated) noexcept {
  if (negated == -EBADF) return errc::closed;
  return from_kernel(negated);
}

/// An fd that belongs to nobody else yet.
class fresh_fd {
 public:
  explicit fresh_fd(int fd) noexcept : fd_(fd) {}
  ~fresh_fd() {
    if (fd_ >= 0) os::close_fd(fd_);
  }
  fresh_fd(const fresh_fd&) = delete;
  fresh_fd& operator=(const fresh_fd&) = delete;
  [[nodiscard]] int get() const noexcept { return fd_; }

  /// Makes it a stream's descriptor.
  std::expected<descriptor*, std::error_code> watch() noexcept {
    auto d = descriptor::open(fd_, netpoll::short_transfer::means_drained);
    if (d) fd_ = -1;
    return d;
  }

 private:
  int fd_;
};

address name_of(descriptor* d, int (*ask)(int, sockaddr_storage&, socklen_t&) noexcept) noexcept {
  sockaddr_storage sa{};
  socklen_t len = 0;
  if (d == nullptr || d->with_fd([&](int fd) { return ask(fd, sa, len); }) < 0) return {};
  return {reinterpret_cast<const sockaddr*>(&sa), len};
}

}  // namespace

// --------------------------------------------------------------------------------------------------------- conn

conn& conn::operator=(conn&& o) noexcept {
  if (this != &o) netpoll::close_handle(std::exchange(d_, std::exchange(o.d_, nullptr)));
  return *this;
}
conn::~conn() {
  netpoll::close_handle(d_);
}

io_result conn::read(std::span<std::byte> buffer, const until& u) {
  if (d_ == nullptr) return {0, errc::closed};
  return d_->read(buffer, u);
}

io_result conn::write(std::span<const std::byte> data, const until& u) {
  if (d_ == nullptr) return {0, errc::closed};
  return d_->write_some(data, u);
}

io_result conn::write_all(std::span<const std::byte> data, const until& u) {
  if (d_ == nullptr) return {0, errc::closed};
  return d_->write_all(data, u);
}

std::error_code conn::shutdown_write() noexcept {
  if (d_ == nullptr) return errc::closed;
  return setting(d_->with_fd([](int fd) { return os::shutdown_writes(fd); }));
}

std::error_code conn::close() noexcept {
  return d_ == nullptr ? make_error_code(errc::closed) : d_->close();
}

void conn::set_deadline(clock::time_point t) noexcept {
  set_read_deadline(t);
  set_write_deadline(t);
}
void conn::set_read_deadline(clock::time_point t) noexcept {
  if (d_ != nullptr) d_->set_read_deadline(t);
}
void conn::set_write_deadline(clock::time_point t) noexcept {
  if (d_ != nullptr) d_->set_write_deadline(t);
}

std::error_code conn::set_no_delay(bool on) noexcept {
  if (d_ == nullptr) return errc::closed;
  return setting(d_->with_fd([on](int fd) { return os::set_option(fd, IPPROTO_TCP, TCP_NODELAY, on ? 1 : 0); }));
}

std::error_code conn::set_reset_on_close(bool on) noexcept {
  if (d_ == nullptr) return errc::closed;
  return setting(d_->with_fd([on](int fd) { return os::set_linger_reset(fd, on); }));
}

address conn::local_address() const noexcept {
  return name_of(d_, os::local_name);
}
address conn::remote_address() const noexcept {
  return name_of(d_, os::peer_name);
}
int conn::native_handle() const noexcept {
  return d_ == nullptr ? -1 : d_->native_handle();
}

// ----------------------------------------------------------------------------------------------------- listener

listener& listener::operator=(listener&& o) noexcept {
  if (this != &o) netpoll::close_handle(std::exchange(d_, std::exchange(o.d_, nullptr)));
  return *this;
}
listener::~listener() {
  netpoll::close_handle(d_);
}

std::expected<conn, std::error_code> listener::accept(const until& u) {
  if (d_ == nullptr) return std::unexpected(make_error_code(errc::closed));
  const auto got = d_->accept(u);
  if (!got) return std::unexpected(got.error());
  fresh_fd fd(*got);  // TCP_NODELAY came with it from the listening socket
  const auto d = fd.watch();
  if (!d) return std::unexpected(d.error());
  return conn(*d);
}

std::error_code listener::close() noexcept {
  return d_ == nullptr ? make_error_code(errc::closed) : d_->close();
}
address listener::local_address() const noexcept {
  return name_of(d_, os::local_name);
}
int listener::native_handle() const noexcept {
  return d_ == nullptr ? -1 : d_->native_handle();
}

// -------------------------------------------------------------------------------------------------------- listen

namespace {

std::expected<listener, std::error_code> listen_on(const address& a, bool v6_only, const listen_options& o) {
  const int family = a.data()->sa_family;
  fresh_fd fd(os::socket_stream(family));
  int e = fd.get();
  const auto set = [&](bool wanted, int level, int name, int value) {
    if (e >= 0 && wanted) e = os::set_option(fd.get(), level, name, value);
  };
  set(o.reuse_address, SOL_SOCKET, SO_REUSEADDR, 1);
  set(o.reuse_port, SOL_SOCKET, SO_REUSEPORT, 1);
  set(family == AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY, v6_only ? 1 : 0);
  set(true, IPPROTO_TCP, TCP_NODELAY, 1);  // Linux hands it down to what is accepted: one call less for each
  if (e >= 0) e = os::bind_socket(fd.get(), a.data(), a.size());
  if (e >= 0) e = os::listen_socket(fd.get(), o.backlog);
  if (e < 0) return std::unexpected(from_kernel(e));
  const auto d = fd.watch();
  if (!d) return std::unexpected(d.error());
  return listener(*d);
}

}  // namespace

std::expected<listener, std::error_code> listen(std::string_view network, std::string_view addr,
                                                const listen_options& options) {
  if (netpoll::current() == nullptr) return std::unexpected(make_error_code(errc::not_running));
  const auto addresses = netpoll::resolve(network, addr, netpoll::empty_host::all_interfaces, {});
  if (!addresses) return std::unexpected(addresses.error());
  const bool v6_only = network == "tcp6";  // "[::]" of plain "tcp" takes IPv4 as well
  std::error_code first;
  for (const address& a : *addresses) {
    auto ln = listen_on(a, v6_only, options);
    if (ln) return ln;
    if (!first) first = ln.error();
    // No IPv6 here: the next address is IPv4's. Anything else, a taken port say, is the answer.
    if (first != std::errc::address_family_not_supported && first != std::errc::address_not_available) break;
  }
  return std::unexpected(first);
}

// ---------------------------------------------------------------------------------------------------------- dial

namespace {

std::expected<conn, std::error_code> connect_to(const address& a, const until& u) {
  fresh_fd fd(os::socket_stream(a.data()->sa_family));
  int e = fd.get();
  if (e >= 0) e = os::set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (e >= 0) e = os::connect_socket(fd.get(), a.data(), a.size());
  const bool under_way = e == -EINPROGRESS;
  if (e < 0 && !under_way) return std::unexpected(from_kernel(e));
  // Watched only now: a socket that was never connected reports HUP, which a side remembers for ever.
  const auto d = fd.watch();
  if (!d) return std::unexpected(d.error());
  conn c(*d);
  if (under_way) {
    if (auto ec = (*d)->finish_connect(u)) return std::unexpected(ec);
  }
  return c;
}

// The kernel chose the port that was dialled as the local one, and TCP's simultaneous open connected the socket to
// itself: nobody listens there. Seen when dialling unused ports of the ephemeral range on loopback.
bool connected_to_itself(const conn& c) noexcept {
  const address local = c.local_address();
  const address remote = c.remote_address();
  return local.port() == remote.port() && local.to_string() == remote.to_string();
}

}  // namespace

std::expected<conn, std::error_code> dial(std::string_view network, std::string_view addr, const until& u) {
  if (netpoll::current() == nullptr) return std::unexpected(make_error_code(errc::not_running));
  const auto addresses = netpoll::resolve(network, addr, netpoll::empty_host::loopback, u);
  if (!addresses) return std::unexpected(addresses.error());
  std::error_code first;
  for (const address& a : *addresses) {
    std::expected<conn, std::error_code> c = connect_to(a, u);
    for (int again = 0; c && connected_to_itself(*c); ++again) {
      if (again == 2) {
        c = std::unexpected(std::make_error_code(std::errc::connection_refused));
      } else {
        c = connect_to(a, u);
      }
    }
    if (c) return c;
    if (!first) first = c.error();
    // The limit is over for the other addresses, too.
    if (c.error() == errc::timed_out || c.error() == errc::canceled) return std::unexpected(c.error());
  }
  return std::unexpected(first);
}

}  // namespace weft::inline v0::net
