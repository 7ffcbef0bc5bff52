// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/resolver.hpp"

#include <cerrno>

namespace weft::inline v0::rt::os {

lookup_result look_up_host(const char* host, int family, addrinfo*& out) noexcept {
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;  // else each address comes once a socket type
  out = nullptr;
  const int code = ::getaddrinfo(host, nullptr, &hints, &out);
  return {code, code == EAI_SYSTEM ? errno : 0};
}

}  // namespace weft::inline v0::rt::os
