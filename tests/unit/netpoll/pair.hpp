// SPDX-License-Identifier: Apache-2.0
// What the tests of netpoll share.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <doctest/doctest.h>

#include <weft/net.hpp>
#include <weft/sync.hpp>

#include "netpoll/current.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

namespace weft::testing_support {

/// Two ends of a TCP connection over loopback.
struct tcp_pair {
  net::conn client;
  net::conn server;
};

inline net::listener local_listener(const net::listen_options& o = {}) {
  auto ln = net::listen("tcp", "127.0.0.1:0", o);
  CHECK_MESSAGE(ln.has_value(), "listen: ", ln ? "" : ln.error().message());
  return ln ? std::move(*ln) : net::listener();
}

inline tcp_pair connect_to(net::listener& ln) {
  auto client = net::dial("tcp", ln.local_address().to_string());
  CHECK_MESSAGE(client.has_value(), "dial: ", client ? "" : client.error().message());
  auto server = ln.accept();
  CHECK_MESSAGE(server.has_value(), "accept: ", server ? "" : server.error().message());
  if (!client || !server) return {};
  return {std::move(*client), std::move(*server)};
}

inline tcp_pair connected() {
  auto ln = local_listener();
  return connect_to(ln);
}

/// Until `n` operations wait for an event.
inline bool waiting_in_poller(std::int64_t n) {
  return eventually([n] { return netpoll::waits_in_progress() >= n; });
}

inline io_result read_all(net::conn& c, std::string& out, const until& u = {}) {
  char buffer[4096];
  for (;;) {
    const auto r = c.read(buffer, u);
    out.append(buffer, r.n);
    if (r.ec) return {out.size(), r.ec};
  }
}

/// `n` bytes, or fewer at the end of the stream or an error.
inline std::string read_exactly(net::conn& c, std::size_t n, const until& u = {}) {
  std::string out(n, '\0');
  std::size_t done = 0;
  while (done < n) {
    const auto r = c.read(std::span(out).subspan(done), u);
    done += r.n;
    if (r.ec) break;
  }
  out.resize(done);
  return out;
}

inline std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// Writes until the kernel takes no more, and returns how much that was.
inline std::size_t fill(net::conn& c) {
  static const std::string block(1 << 16, 'x');
  std::size_t total = 0;
  for (;;) {
    const auto r = c.write(bytes(block), std::chrono::milliseconds(20));
    total += r.n;
    if (r.ec) {
      CHECK(r.ec == errc::timed_out);
      return total;
    }
  }
}

}  // namespace weft::testing_support
