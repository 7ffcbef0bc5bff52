// SPDX-License-Identifier: Apache-2.0
// The C library's name lookup. It blocks, for seconds at times.
#pragma once

#include <netdb.h>

namespace weft::inline v0::rt::os {

struct lookup_result {
  int code = 0;          ///< 0 or EAI_...
  int system_error = 0;  ///< what errno was, for EAI_SYSTEM
};

/// Stream addresses of `host` in `family`, without ports. `out` is to be freed with freeaddrinfo() if the code is 0.
[[nodiscard]] [[gnu::noinline]] lookup_result look_up_host(const char* host, int family, addrinfo*& out) noexcept;

}  // namespace weft::inline v0::rt::os
