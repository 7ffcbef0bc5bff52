// SPDX-License-Identifier: Apache-2.0
// Last words.
#pragma once

#include <string_view>

namespace weft::inline v0::rt::os {

/// Writes to stderr, whole, without buffering; async-signal-safe.
void print_error(std::string_view text) noexcept;
/// Prints "weft: fatal: <text>" and aborts: an invariant of the runtime, or a rule for its use, was broken.
[[noreturn]] void fatal(std::string_view text) noexcept;
/// Flushes stdio and ends the process without running destructors (fibers are still on their stacks).
[[noreturn]] void exit_process(int code) noexcept;

}  // namespace weft::inline v0::rt::os
