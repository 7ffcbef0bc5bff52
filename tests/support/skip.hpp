// SPDX-License-Identifier: Apache-2.0
// A test case that cannot run here says so:
//
//     if (!kernel_has_it()) return weft::testing_support::skip("kernel without it");
//
// A program all of whose selected cases were skipped exits 77.
#pragma once

#include <string_view>

namespace weft::testing_support {

/// Counts the running test case as skipped and prints why. Call it on the thread of the test case.
void skip(std::string_view reason);

}  // namespace weft::testing_support
