// SPDX-License-Identifier: Apache-2.0
// Switches for weft's own tests. Not for users.
#pragma once

#include <weft/detail/config.hpp>

namespace weft::inline v0::detail {

/// Whether the monitor wakes a P when it finds a fiber waiting beside an idle one (default true). Tests of
/// the wake-up protocol switch it off, so that a lost wake-up is a hang and not a delay. Process-wide.
WEFT_API void testing_rescue(bool on) noexcept;

}  // namespace weft::inline v0::detail
