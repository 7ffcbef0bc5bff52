// SPDX-License-Identifier: Apache-2.0
// Names are looked up by the C library, on a fiber of its own: getaddrinfo cannot be interrupted, but who asked for it
// can give up waiting; and it wants more stack (NSS modules, the resolver's buffers) than a small fiber may have.
#include "netpoll/resolve.hpp"

#include <new>
#include <optional>
#include <string>
#include <utility>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <weft/blocking.hpp>
#include <weft/chan.hpp>
#include <weft/error.hpp>
#include <weft/go.hpp>

#include "netpoll/address.hpp"
#include "runtime/os/resolver.hpp"

namespace weft::inline v0::netpoll {

namespace {

using answer = std::expected<std::vector<net::address>, std::error_code>;

answer failure(errc e) {
  return std::unexpected(make_error_code(e));
}
answer failure(std::errc e) {
  return std::unexpected(std::make_error_code(e));
}

std::optional<int> family_of(std::string_view network) noexcept {
  if (network == "tcp") return AF_UNSPEC;
  if (network == "tcp4") return AF_INET;
  if (network == "tcp6") return AF_INET6;
  return std::nullopt;
}

std::error_code lookup_error(int code, int system_error) noexcept {
  switch (code) {
    case EAI_MEMORY:
      return std::make_error_code(std::errc::not_enough_memory);
    case EAI_AGAIN:
      return std::make_error_code(std::errc::resource_unavailable_try_again);
    case EAI_SYSTEM:
      return {system_error, std::system_category()};
    default:
      return errc::bad_address;  // no such name, or none of that family
  }
}

answer look_up(const std::string& host, std::uint16_t port, int family) {
  addrinfo* list = nullptr;
  const auto r = weft::blocking([&] { return rt::os::look_up_host(host.c_str(), family, list); });
  if (r.code != 0) return std::unexpected(lookup_error(r.code, r.system_error));
  struct deleter {
    addrinfo* list;
    ~deleter() { ::freeaddrinfo(list); }
  } guard{list};

  std::vector<net::address> found;
  for (const addrinfo* a = list; a != nullptr; a = a->ai_next) {
    // The port goes in here rather than as a service name, which is looked up in a file.
    if (a->ai_family == AF_INET) {
      sockaddr_in sa = *reinterpret_cast<const sockaddr_in*>(a->ai_addr);
      sa.sin_port = htons(port);
      found.emplace_back(reinterpret_cast<const sockaddr*>(&sa), sizeof sa);
    } else if (a->ai_family == AF_INET6) {
      sockaddr_in6 sa = *reinterpret_cast<const sockaddr_in6*>(a->ai_addr);
      sa.sin6_port = htons(port);
      found.emplace_back(reinterpret_cast<const sockaddr*>(&sa), sizeof sa);
    }
  }
  if (found.empty()) return failure(errc::bad_address);
  return found;
}

answer look_up_on_a_fiber(std::string_view name, std::uint16_t port, int family, const until& u) {
  constexpr std::size_t longest = 253;  // that DNS allows
  if (name.size() > longest || name.find('\0') != std::string_view::npos) return failure(errc::bad_address);
  chan<answer> done(1);  // room for the answer when nobody waits for it any more
  auto work = [done, host = std::string(name), port, family]() mutable {
    try {
      (void)done.try_send(look_up(host, port, family));
    } catch (const std::bad_alloc&) {
      (void)done.try_send(failure(std::errc::not_enough_memory));
    }
  };
  const spawn_options options{.name = "weft.lookup", .stack_size = 256 * 1024};
  if (auto ec = weft::try_go(std::move(work), options)) return std::unexpected(ec);
  auto r = done.recv(u);
  if (!r) return std::unexpected(r.error());
  return std::move(*r);
}

}  // namespace

answer resolve(std::string_view network, std::string_view text, empty_host e, const until& u) {
  const auto family = family_of(network);
  const auto hp = split_host_port(text);
  if (!family || !hp) return failure(errc::bad_address);

  if (hp->host.empty()) {
    // One IPv6 socket serves both families, if the machine has IPv6.
    const bool all = e == empty_host::all_interfaces;
    const auto v4 = all ? any_v4(hp->port) : loopback_v4(hp->port);
    const auto v6 = all ? any_v6(hp->port) : loopback_v6(hp->port);
    if (*family == AF_INET) return std::vector{v4};
    if (*family == AF_INET6) return std::vector{v6};
    return all ? std::vector{v6, v4} : std::vector{v4, v6};
  }
  if (const auto a = numeric_address(hp->host, hp->port)) {
    const int actual = a->data()->sa_family;
    if (hp->bracketed != (actual == AF_INET6)) return failure(errc::bad_address);
    if (*family != AF_UNSPEC && *family != actual) return failure(errc::bad_address);
    return std::vector{*a};
  }
  if (hp->bracketed) return failure(errc::bad_address);
  return look_up_on_a_fiber(hp->host, hp->port, *family, u);
}

}  // namespace weft::inline v0::netpoll
