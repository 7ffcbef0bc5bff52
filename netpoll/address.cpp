// SPDX-License-Identifier: Apache-2.0
#include "netpoll/address.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "runtime/os/socket.hpp"

namespace weft::inline v0 {

namespace netpoll {

namespace {

net::address make_v4(in_addr ip, std::uint16_t port) noexcept {
  sockaddr_in sa{};
  sa.sin_family = AF_INET;
  sa.sin_port = htons(port);
  sa.sin_addr = ip;
  return {reinterpret_cast<const sockaddr*>(&sa), sizeof sa};
}

net::address make_v6(const in6_addr& ip, std::uint16_t port, std::uint32_t scope = 0) noexcept {
  sockaddr_in6 sa{};
  sa.sin6_family = AF_INET6;
  sa.sin6_port = htons(port);
  sa.sin6_addr = ip;
  sa.sin6_scope_id = scope;
  return {reinterpret_cast<const sockaddr*>(&sa), sizeof sa};
}

/// Decimal digits only, and all of `text`.
template <class Number>
std::optional<Number> parse_number(std::string_view text) noexcept {
  Number n{};
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return n;
}

/// A C string on the stack; nothing if it does not fit or has a NUL inside.
template <std::size_t N>
bool to_c_string(std::string_view text, std::array<char, N>& out) noexcept {
  if (text.size() >= N || text.find('\0') != std::string_view::npos) return false;
  *std::copy(text.begin(), text.end(), out.begin()) = '\0';
  return true;
}

std::optional<std::uint32_t> scope_of(std::string_view zone) noexcept {
  if (auto n = parse_number<std::uint32_t>(zone)) return n;
  std::array<char, 64> name;
  if (zone.empty() || !to_c_string(zone, name)) return std::nullopt;
  const std::uint32_t index = rt::os::interface_index(name.data());
  if (index == 0) return std::nullopt;
  return index;
}

}  // namespace

std::expected<host_port, std::error_code> split_host_port(std::string_view text) noexcept {
  const auto bad = std::unexpected(make_error_code(errc::bad_address));
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad;
  host_port r;
  r.host = text.substr(0, colon);
  if (r.host.starts_with('[')) {
    if (!r.host.ends_with(']') || r.host.size() < 3) return bad;
    r.host = r.host.substr(1, r.host.size() - 2);
    r.bracketed = true;
  } else if (r.host.find(':') != std::string_view::npos) {
    return bad;  // "::1:80": which colon is the port's?
  }
  if (r.host.find_first_of("[]") != std::string_view::npos) return bad;
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
  if (!port) return bad;
  r.port = *port;
  return r;
}

std::optional<net::address> numeric_address(std::string_view host, std::uint16_t port) noexcept {
  std::array<char, INET6_ADDRSTRLEN + 1> text;
  const auto percent = host.find('%');
  if (!to_c_string(host.substr(0, percent), text)) return std::nullopt;
  // inet_pton, because inet_aton and getaddrinfo also take "127.1" and "0x7f.1", which are names here.
  in_addr v4;
  if (percent == std::string_view::npos && ::inet_pton(AF_INET, text.data(), &v4) == 1) return make_v4(v4, port);
  in6_addr v6;
  if (::inet_pton(AF_INET6, text.data(), &v6) != 1) return std::nullopt;
  if (percent == std::string_view::npos) return make_v6(v6, port);
  const auto scope = scope_of(host.substr(percent + 1));
  if (!scope) return std::nullopt;
  return make_v6(v6, port, *scope);
}

net::address any_v4(std::uint16_t port) noexcept {
  return make_v4({htonl(INADDR_ANY)}, port);
}
net::address any_v6(std::uint16_t port) noexcept {
  return make_v6(in6addr_any, port);
}
net::address loopback_v4(std::uint16_t port) noexcept {
  return make_v4({htonl(INADDR_LOOPBACK)}, port);
}
net::address loopback_v6(std::uint16_t port) noexcept {
  return make_v6(in6addr_loopback, port);
}

}  // namespace netpoll

namespace net {

address::address(const sockaddr* sa, socklen_t len) noexcept
    : size_(std::min<socklen_t>(len, sizeof(sockaddr_storage))) {
  std::memcpy(&storage_, sa, size_);
}

std::expected<address, std::error_code> address::parse(std::string_view text) {
  const auto hp = netpoll::split_host_port(text);
  if (!hp) return std::unexpected(hp.error());
  if (hp->host.empty()) return netpoll::any_v6(hp->port);
  const auto a = netpoll::numeric_address(hp->host, hp->port);
  if (!a || hp->bracketed != (a->data()->sa_family == AF_INET6)) {
    return std::unexpected(make_error_code(errc::bad_address));
  }
  return *a;
}

std::uint16_t address::port() const noexcept {
  switch (storage_.ss_family) {
    case AF_INET:
      return ntohs(reinterpret_cast<const sockaddr_in&>(storage_).sin_port);
    case AF_INET6:
      return ntohs(reinterpret_cast<const sockaddr_in6&>(storage_).sin6_port);
    default:
      return 0;
  }
}

std::string address::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text;
  std::string out;
  if (storage_.ss_family == AF_INET) {
    out = ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(storage_).sin_addr, text.data(), text.size());
  } else if (storage_.ss_family == AF_INET6) {
    const auto& sa = reinterpret_cast<const sockaddr_in6&>(storage_);
    out = '[';
    out += ::inet_ntop(AF_INET6, &sa.sin6_addr, text.data(), text.size());
    if (sa.sin6_scope_id != 0) out.append("%").append(std::to_string(sa.sin6_scope_id));
    out += ']';
  } else {
    return out;
  }
  return out.append(":").append(std::to_string(port()));
}

}  // namespace net
}  // namespace weft::inline v0
