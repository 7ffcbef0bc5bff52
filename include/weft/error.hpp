// SPDX-License-Identifier: Apache-2.0
// Errors are values.
//
// Every call that can fail for a reason outside the program returns a std::error_code, an io_result
// or a std::expected<T, std::error_code>. Codes of the operating system are in std::system_category;
// weft's own are these, in the category "weft". Each also compares equal to the std::errc given here:
//
//     if (ec == weft::errc::timed_out) ...        // exactly weft's
//     if (ec == std::errc::timed_out) ...         // weft's or the kernel's
//
// No call reports an error through `errno`: a fiber may have moved to another thread meanwhile.
#pragma once

#include <cstddef>
#include <string>
#include <system_error>

#include <weft/detail/config.hpp>

namespace weft::inline v0 {

enum class errc {
  closed = 1,   ///< the channel, connection, listener or file is closed           (no std::errc)
  eof,          ///< end of stream: the peer will send nothing more                (no std::errc)
  canceled,     ///< the context given, or the fiber's own, was cancelled          (operation_canceled)
  timed_out,    ///< a deadline or timeout passed                                  (timed_out)
  not_running,  ///< needs a running weft::run(), or to be called on a fiber       (operation_not_permitted)
  would_block,  ///< a try-form could not complete at once                         (operation_would_block)
  bad_address,  ///< a network address or host name that cannot be understood      (invalid_argument)
};

/// The category of weft's own codes; its name is "weft".
WEFT_API const std::error_category& error_category() noexcept;

inline std::error_code make_error_code(errc e) noexcept {
  return {static_cast<int>(e), error_category()};
}

/// Result of a byte transfer. Part of the data *and* an error is a fact of I/O: `n` bytes were
/// moved before `ec` happened. End of stream is `{n, errc::eof}`, never `{0, success}`.
struct io_result {
  std::size_t n = 0;
  std::error_code ec;
  /// True if nothing went wrong.
  explicit operator bool() const noexcept { return !ec; }
};

}  // namespace weft::inline v0

template <>
struct std::is_error_code_enum<weft::errc> : std::true_type {};
