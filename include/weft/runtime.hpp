// SPDX-License-Identifier: Apache-2.0
// Looking at the runtime from inside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <weft/detail/config.hpp>

namespace weft::inline v0 {

/// Number of Ps of the current run; 0 if none is on. Thread-safe.
[[nodiscard]] WEFT_API int procs() noexcept;
/// One line that says why there are that many Ps, e.g. "affinity allows 4 CPUs; ...". "" if no run is on.
[[nodiscard]] WEFT_API std::string procs_reason();
/// Fibers that have been started and have not ended, the caller's included. Thread-safe.
[[nodiscard]] WEFT_API std::size_t num_fibers() noexcept;

/// Every fiber, as text: id, name, state or wait reason, spawn site; grouped when many are alike. Thread-safe.
[[nodiscard]] WEFT_API std::string dump_fibers();

/// Counters of the current run; zeros if none is on. They only grow. Thread-safe; not a snapshot of one instant.
struct stats {
  std::uint64_t spawned = 0;          ///< fibers ever started
  std::uint64_t schedules = 0;        ///< times a fiber was given a P
  std::uint64_t steals = 0;           ///< successful steals
  std::uint64_t stolen = 0;           ///< fibers moved by them
  std::uint64_t wakeups = 0;          ///< sleeping Ms woken
  std::uint64_t handoffs = 0;         ///< Ps handed to another M by a blocking call
  std::uint64_t threads_created = 0;  ///< Ms ever made
  std::uint64_t threads = 0;          ///< Ms there are now (this one goes down, too)
  std::uint64_t netpolls = 0;         ///< polls that returned events
  std::uint64_t runnable_but_idle =
      0;  ///< looks at which a fiber had waited beside an idle P since the look before: a bug
};
[[nodiscard]] WEFT_API stats runtime_stats() noexcept;

}  // namespace weft::inline v0
