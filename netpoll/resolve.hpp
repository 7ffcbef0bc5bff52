// SPDX-License-Identifier: Apache-2.0
// "host:port" to the addresses to try.
#pragma once

#include <expected>
#include <string_view>
#include <system_error>
#include <vector>

#include <weft/net.hpp>
#include <weft/until.hpp>

namespace weft::inline v0::netpoll {

/// What an empty host stands for.
enum class empty_host : bool { all_interfaces, loopback };

/// At least one address, in the order to try them. May park, if the host is a name. errc::bad_address: also for an
/// unknown `network`, an address of the other family, or a name that does not exist.
[[nodiscard]] std::expected<std::vector<net::address>, std::error_code> resolve(std::string_view network,
                                                                                std::string_view text, empty_host e,
                                                                                const until& u);

}  // namespace weft::inline v0::netpoll
