// SPDX-License-Identifier: Apache-2.0
// The sample http_server, running.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/integration/client.hpp"
#include "tests/integration/process.hpp"

namespace weft::integration {

class http_server {
 public:
  explicit http_server(std::vector<std::string> options = {}, std::size_t files = 0);

  [[nodiscard]] int port() const noexcept { return port_; }
  [[nodiscard]] const std::string& greeting() const noexcept { return greeting_; }
  /// "127.0.0.1:PORT"
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  process& program() noexcept { return program_; }

  /// A number of /stats, asked for on one connection that stays (and is counted).
  long stat(std::string_view name);
  /// SIGTERM and a clean end.
  ending stop();

 private:
  process program_;
  std::string greeting_;
  int port_ = 0;
  std::optional<client> asker_;
};

/// What may leak.
struct counts {
  long connections = 0;
  long fibers = 0;
  std::size_t files = 0;

  bool operator==(const counts&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const counts& c) {
  return out << c.connections << " connections, " << c.fibers << " fibers, " << c.files << " files";
}
counts count(http_server& server);

}  // namespace weft::integration
