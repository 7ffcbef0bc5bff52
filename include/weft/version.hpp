// SPDX-License-Identifier: Apache-2.0
// The version of weft that is being compiled against. The build takes its version from here.
#pragma once

#include <string_view>

#define WEFT_VERSION_MAJOR 0
#define WEFT_VERSION_MINOR 1
#define WEFT_VERSION_PATCH 0

#define WEFT_DETAIL_STRING_(x) #x
#define WEFT_DETAIL_STRING(x) WEFT_DETAIL_STRING_(x)
#define WEFT_VERSION_STRING              \
  WEFT_DETAIL_STRING(WEFT_VERSION_MAJOR) \
  "." WEFT_DETAIL_STRING(WEFT_VERSION_MINOR) "." WEFT_DETAIL_STRING(WEFT_VERSION_PATCH)

namespace weft::inline v0 {

/// The version as "major.minor.patch". Never parks.
constexpr std::string_view version() noexcept {
  return WEFT_VERSION_STRING;
}

}  // namespace weft::inline v0
