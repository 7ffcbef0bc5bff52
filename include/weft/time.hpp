// SPDX-License-Identifier: Apache-2.0
// Sleeping and timers. Resolution: microseconds, at least 1 ns slack is asked of the kernel; no timer
// fires early.
#pragma once

#include <chrono>
#include <system_error>
#include <utility>

#include <weft/chan.hpp>
#include <weft/detail/config.hpp>
#include <weft/detail/deadline.hpp>
#include <weft/until.hpp>

namespace weft::inline v0 {

/// Sleeps until the deadline in `u` passes (success), or the context or stop token in it, or the
/// fiber's own context, ends the sleep (errc::canceled; errc::timed_out if that context's deadline came
/// first). Without a deadline it sleeps until cancelled. May park; a plain thread sleeps.
///
///     weft::sleep(10ms);
///     if (weft::sleep({ctx, 1s})) return;      // ctx was cancelled
WEFT_API std::error_code sleep(const until& u) noexcept;

namespace detail {
class timer_state;
}

/// A timer that sends the time on a channel, as Go's time.Timer.
///
///     weft::timer t(1s);
///     weft::select(weft::on_recv(t.channel(), [&](auto) { ... }), weft::on_recv(work, ...));
///
/// After stop() or reset() returned, no value from before is in the channel or comes later (Go ≥ 1.23).
/// Thread-safe. The destructor stops it.
class WEFT_API timer {
 public:
  /// Fires once, `timeout` from now. Throws std::bad_alloc, and std::logic_error if no run is on.
  template <class Rep, class Period>
  explicit timer(std::chrono::duration<Rep, Period> timeout) : timer(detail::deadline_after(timeout)) {}
  explicit timer(clock::time_point when);
  timer(timer&& o) noexcept : state_(std::exchange(o.state_, nullptr)) {}
  timer& operator=(timer&& o) noexcept;
  ~timer();

  /// Makes sure it does not fire any more. True if it was armed; false if it had fired or was stopped.
  /// Does not park.
  bool stop() noexcept;
  /// Stops it and arms it anew. Returns what stop() would. Does not park. Allocates nothing. Throws std::logic_error
  /// if the run it was made in is over: then its channel is closed.
  template <class Rep, class Period>
  bool reset(std::chrono::duration<Rep, Period> timeout) {
    return reset(detail::deadline_after(timeout));
  }
  bool reset(clock::time_point when);

  /// Where the time comes; capacity 1.
  [[nodiscard]] chan<clock::time_point> channel() const noexcept;
  /// Receives from channel(): success when it fires.
  [[nodiscard]] std::error_code wait(const until& u = {});

 private:
  void drop() noexcept;

  detail::timer_state* state_;
};

}  // namespace weft::inline v0
