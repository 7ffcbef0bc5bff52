// SPDX-License-Identifier: Apache-2.0
// The clock of all deadlines, and timeouts turned into deadlines without overflow.
#pragma once

#include <chrono>

namespace weft::inline v0 {

/// The clock of all deadlines: monotonic, not affected by setting the time of day.
using clock = std::chrono::steady_clock;

namespace detail {

/// now + timeout, saturating: a timeout too large for the clock means no deadline (time_point::max()).
template <class Rep, class Period>
clock::time_point deadline_after(std::chrono::duration<Rep, Period> timeout) {
  const auto now = clock::now();
  if (timeout <= timeout.zero()) return now;
  // Compared in floating point, because hours::max() overflows when converted to nanoseconds.
  const std::chrono::duration<double> room = clock::time_point::max() - now;
  if (std::chrono::duration<double>(timeout) >= room) return clock::time_point::max();
  return now + std::chrono::ceil<clock::duration>(timeout);
}

}  // namespace detail
}  // namespace weft::inline v0
