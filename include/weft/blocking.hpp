// SPDX-License-Identifier: Apache-2.0
// Calls that block the thread: file I/O, getaddrinfo, a C library that waits.
#pragma once

#include <concepts>
#include <functional>
#include <utility>

#include <weft/detail/config.hpp>

namespace weft::inline v0 {

namespace detail {
WEFT_API void enter_blocking() noexcept;
WEFT_API void exit_blocking() noexcept;
}  // namespace detail

/// Calls `f()` and returns its result, while other fibers go on: the P is released to another thread
/// before the call, and the fiber gets a P back after it (waiting for one if none is idle).
/// `f` runs on the fiber's own stack; exceptions pass through. Nests. On a plain thread it just calls `f`.
///
///     auto* res = weft::blocking([&] { return getaddrinfo(host, port, &hints, &out); });
template <std::invocable F>
decltype(auto) blocking(F&& f) {
  struct scope {
    scope() noexcept { detail::enter_blocking(); }
    ~scope() { detail::exit_blocking(); }
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
  } s;
  return std::invoke(std::forward<F>(f));
}

}  // namespace weft::inline v0
