// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/fallback.hpp"

#include <atomic>
#include <cstdlib>
#include <cstring>

namespace weft::inline v0::rt::os {

namespace {

unsigned from_environment() noexcept {
  const char* debug = std::getenv("WEFT_DEBUG");
  if (debug == nullptr) return 0;
  const char* at = std::strstr(debug, "fallback=");
  return at == nullptr ? 0 : static_cast<unsigned>(std::strtoul(at + std::strlen("fallback="), nullptr, 10));
}

std::atomic<unsigned>& mask() noexcept {
  static std::atomic<unsigned> m{from_environment()};
  return m;
}

}  // namespace

bool forced(fallback f) noexcept {
  return (mask().load(std::memory_order_relaxed) & static_cast<unsigned>(f)) != 0;
}
void force(unsigned m) noexcept {
  mask().store(m, std::memory_order_relaxed);
}

}  // namespace weft::inline v0::rt::os
