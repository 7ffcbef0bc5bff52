// SPDX-License-Identifier: Apache-2.0
// The poller of the run that is on.
//
// A descriptor belongs to the run it was opened in: the *epoch* says which. Plain threads may hold descriptors
// longer than a run lasts; their calls then fail with errc::not_running, and those that wait are woken to do so.
#pragma once

#include <cstdint>
#include <system_error>

#include "runtime/sched/poller.hpp"

namespace weft::inline v0::netpoll {

/// The run's glue calls this: with a poller of netpoll's making before the first fiber starts, with null after the
/// last fiber has ended and before the poller is destroyed. Does not park.
void set_current(rt::poller* p) noexcept;
/// Null if no run is on.
[[nodiscard]] rt::poller* current() noexcept;

/// A number that no other run has; 0 if none is on.
[[nodiscard]] std::uint64_t epoch() noexcept;

/// Registers with the current poller and says in which epoch. errc::not_running, or the kernel's error.
[[nodiscard]] std::error_code watch(int fd, std::uint64_t key, std::uint64_t& in_epoch) noexcept;
/// Nothing happens if that epoch is over.
void unwatch(int fd, std::uint64_t in_epoch) noexcept;

/// Waits for descriptors that are in progress, of fibers and threads.
[[nodiscard]] std::int64_t waits_in_progress() noexcept;
/// Called before a wait's ticket is published, and after the wait has ended: never too low, so that nobody takes
/// the run for deadlocked while an event could still come.
void wait_begins() noexcept;
void wait_ended() noexcept;

}  // namespace weft::inline v0::netpoll
