// SPDX-License-Identifier: Apache-2.0
// The one thread-local of weft, behind one accessor.
//
// Compilers keep the address of a thread-local in a register over a call. If that call parks, the fiber may
// wake on another thread, and the kept address is the wrong thread's (g++ 12 and clang do it; so does errno's).
// Hence the rules:
//   * one initial-exec pointer, defined in current.cpp, never named anywhere else;
//   * read only by current_m(): not inlined, not cloned, and laundered, so that no two calls can be merged;
//   * the M* is never kept over anything that may park: ask again. Code on a scheduler stack (g0) may keep
//     it, because that stack never leaves its thread.
#pragma once

namespace weft::inline v0::detail {
struct G;
}

namespace weft::inline v0::rt {

struct M;

/// The M that is this thread; null on a plain thread.
[[nodiscard]] M* current_m() noexcept;
/// Once, when a thread becomes an M or ceases to be one.
void set_current_m(M* m) noexcept;

/// The fiber that runs on this thread, or null. Async-signal-safe.
[[nodiscard]] detail::G* running_fiber() noexcept;

}  // namespace weft::inline v0::rt
