// SPDX-License-Identifier: Apache-2.0
// Text to addresses, without looking anything up.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <system_error>

#include <weft/net.hpp>

namespace weft::inline v0::netpoll {

struct host_port {
  std::string_view host;  ///< without brackets; may be empty
  std::uint16_t port = 0;
  bool bracketed = false;  ///< so it must be an IPv6 address
};

/// "host:port", "[v6]:port", ":port". errc::bad_address: no port, one that is no number up to 65535, a colon too many.
[[nodiscard]] std::expected<host_port, std::error_code> split_host_port(std::string_view text) noexcept;

/// A numeric IPv4 or IPv6 address ("fe80::1%eth0" too).
[[nodiscard]] std::optional<net::address> numeric_address(std::string_view host, std::uint16_t port) noexcept;

/// All interfaces.
[[nodiscard]] net::address any_v4(std::uint16_t port) noexcept;
[[nodiscard]] net::address any_v6(std::uint16_t port) noexcept;
[[nodiscard]] net::address loopback_v4(std::uint16_t port) noexcept;
[[nodiscard]] net::address loopback_v6(std::uint16_t port) noexcept;

}  // namespace weft::inline v0::netpoll
