// SPDX-License-Identifier: Apache-2.0
// The calling fiber.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <weft/context.hpp>
#include <weft/detail/config.hpp>

namespace weft::inline v0 {

/// Lets other fibers run: the caller goes to the end of its P's queue. On a plain thread: yields the CPU.
WEFT_API void yield() noexcept;

namespace this_fiber {

/// A number that no other fiber of this process ever has, or 0 on a plain thread.
[[nodiscard]] WEFT_API std::uint64_t id() noexcept;
/// The name given at spawn, or "".
[[nodiscard]] WEFT_API std::string name();
/// The fiber's context (see weft/context.hpp). The background context on a plain thread.
[[nodiscard]] WEFT_API weft::context context() noexcept;
/// Bytes of stack left below the caller's frame, or 0 on a plain thread.
[[nodiscard]] WEFT_API std::size_t stack_remaining() noexcept;

}  // namespace this_fiber
}  // namespace weft::inline v0
