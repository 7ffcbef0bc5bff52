// SPDX-License-Identifier: Apache-2.0
// Forces the lower rungs of the ladders that probe the kernel, so that tests run every one of them.
#pragma once

namespace weft::inline v0::rt::os {

enum class fallback : unsigned {
  guard_install = 1,   ///< pretend MADV_GUARD_INSTALL is missing: guards by mprotect
  guard_mprotect = 2,  ///< pretend no mapping is left for a guard: canary
  epoll_pwait2 = 4,    ///< pretend epoll_pwait2 is missing: millisecond timeouts
  threads = 8,         ///< no more threads can be made
};

/// Whether the facility is to be treated as missing. Also set by WEFT_DEBUG=fallback=<mask>, read once.
bool forced(fallback) noexcept;
/// Tests only: replaces the mask.
void force(unsigned mask) noexcept;

}  // namespace weft::inline v0::rt::os
