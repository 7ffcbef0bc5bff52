// SPDX-License-Identifier: Apache-2.0
// The operations of a descriptor. Each takes a reference, its side's turn, and attempts its system call.
#include <cerrno>

#include "netpoll/descriptor.hpp"
#include "runtime/os/signal.hpp"
#include "runtime/os/socket.hpp"

namespace weft::inline v0::netpoll {

using detail::wait_reason;
namespace os = rt::os;

void descriptor::note_transfer(side& s, std::int64_t n, std::size_t wanted) noexcept {
  s.drained = short_ == short_transfer::means_drained && static_cast<std::size_t>(n) < wanted;
}

io_result descriptor::read(std::span<std::byte> to, const until& u) {
  operation op(*this);
  if (op.error()) return {0, op.error()};
  if (to.empty()) return {};
  turn_of turn(read_, u);
  if (turn.error()) return {0, turn.error()};
  const attempted r =
      attempt(read_, u, wait_reason::io_read, [to](int fd) { return os::receive(fd, to.data(), to.size()); });
  if (r.error) return {0, r.error};
  if (r.n == 0) return {0, errc::eof};  // `drained` is false: the next read hears the same
  note_transfer(read_, r.n, to.size());
  return {static_cast<std::size_t>(r.n), {}};
}

io_result descriptor::write_some(std::span<const std::byte> from, const until& u) {
  operation op(*this);
  if (op.error()) return {0, op.error()};
  if (from.empty()) return {};
  turn_of turn(write_, u);
  if (turn.error()) return {0, turn.error()};
  const attempted r =
      attempt(write_, u, wait_reason::io_write, [from](int fd) { return os::send(fd, from.data(), from.size()); });
  if (r.error) return {0, r.error};
  note_transfer(write_, r.n, from.size());
  return {static_cast<std::size_t>(r.n), {}};
}

io_result descriptor::write_all(std::span<const std::byte> from, const until& u) {
  operation op(*this);
  if (op.error()) return {0, op.error()};
  if (from.empty()) return {};
  turn_of turn(write_, u);  // for all of it: nobody writes in between
  if (turn.error()) return {0, turn.error()};
  std::size_t done = 0;
  while (done < from.size()) {
    const auto rest = from.subspan(done);
    const attempted r =
        attempt(write_, u, wait_reason::io_write, [rest](int fd) { return os::send(fd, rest.data(), rest.size()); });
    if (r.error) return {done, r.error};
    note_transfer(write_, r.n, rest.size());
    done += static_cast<std::size_t>(r.n);
  }
  return {done, {}};
}

namespace {

// Errors of one connection that died while it was queued, which accept reports as its own; see accept(2).
bool died_in_queue(int negated) noexcept {
  switch (-negated) {
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case ENOPROTOOPT:
      return true;
    default:
      return false;
  }
}

}  // namespace

// One edge may announce many connections. Whoever has the turn waits only after accept has said EAGAIN, and passes the
// turn on after each connection; the next one calls accept at once. So none is left in the queue while somebody waits.
std::expected<int, std::error_code> descriptor::accept(const until& u) {
  operation op(*this);
  if (op.error()) return std::unexpected(op.error());
  turn_of turn(read_, u);
  if (turn.error()) return std::unexpected(turn.error());
  const attempted r = attempt(read_, u, wait_reason::io_read, [](int fd) {
    int c = os::accept_socket(fd);
    while (died_in_queue(c)) c = os::accept_socket(fd);
    return c;
  });
  if (r.error) return std::unexpected(r.error);
  return static_cast<int>(r.n);
}

std::error_code descriptor::finish_connect(const until& u) {
  operation op(*this);
  if (op.error()) return op.error();
  turn_of turn(write_, u);
  if (turn.error()) return turn.error();
  return attempt(write_, u, wait_reason::io_write, [](int fd) { return os::connect_result(fd); }).error;
}

std::expected<int, std::error_code> descriptor::read_signal(const until& u) {
  operation op(*this);
  if (op.error()) return std::unexpected(op.error());
  turn_of turn(read_, u);
  if (turn.error()) return std::unexpected(turn.error());
  const attempted r = attempt(read_, u, wait_reason::io_read, [](int fd) { return os::signalfd_read(fd); });
  if (r.error) return std::unexpected(r.error);
  return static_cast<int>(r.n);
}

}  // namespace weft::inline v0::netpoll
