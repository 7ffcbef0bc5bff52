// SPDX-License-Identifier: Apache-2.0
#include "runtime/fiber/current.hpp"

namespace weft::inline v0::rt {

namespace {
[[gnu::tls_model("initial-exec")]] constinit thread_local M* the_m = nullptr;
}

#if defined(__clang__)
#define WEFT_OPAQUE [[gnu::noinline]]
#else
#define WEFT_OPAQUE [[gnu::noipa]]
#endif

WEFT_OPAQUE M* current_m() noexcept {
  M* m = the_m;
  asm volatile("" : "+r"(m));
  return m;
}

WEFT_OPAQUE void set_current_m(M* m) noexcept {
  asm volatile("" : "+r"(m));
  the_m = m;
}

}  // namespace weft::inline v0::rt
