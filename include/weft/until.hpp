// SPDX-License-Identifier: Apache-2.0
// How long may a call wait? One trailing argument answers it for every call that may park.
//
//     ch.recv();                      // until a value comes, or this fiber's context is cancelled
//     ch.recv(50ms);                  // ... or 50 ms have passed
//     ch.recv(deadline);              // ... or that weft::clock time point
//     ch.recv(ctx);                   // ... or `ctx` (a weft::context) is cancelled or times out
//     ch.recv({ctx, 50ms});           // ... whichever comes first
//     ch.recv(token);                 // ... or stop is requested on that std::stop_token
//     ch.recv(weft::until::never());  // nothing interrupts it, not even this fiber's context
//
// All forms but never() also watch the calling fiber's own context (weft::context explains it); a
// plain thread has none. Cancellation and deadlines interrupt *waiting*: an operation that can
// complete at once completes, so that no value is lost.
#pragma once

#include <chrono>
#include <stop_token>
#include <utility>

#include <weft/context.hpp>

namespace weft::inline v0 {

class until {
 public:
  /// No limit but the calling fiber's own context.
  until() noexcept = default;
  /// A timeout counted from now; zero or negative means "do not wait".
  template <class Rep, class Period>
  until(std::chrono::duration<Rep, Period> timeout)
      : deadline_(detail::deadline_after(timeout)) {}  // NOLINT: implicit by design
  /// A point in time.
  until(clock::time_point deadline) noexcept : deadline_(deadline) {}  // NOLINT: implicit by design
  /// Another context besides the fiber's own.
  until(context ctx) noexcept : context_(std::move(ctx)) {}  // NOLINT: implicit by design
  /// Stop requested through the standard library.
  until(std::stop_token token) noexcept : stop_(std::move(token)) {}  // NOLINT: implicit by design
  /// A context and a timeout, whichever comes first.
  template <class Rep, class Period>
  until(context ctx, std::chrono::duration<Rep, Period> timeout)
      : deadline_(detail::deadline_after(timeout)), context_(std::move(ctx)) {}
  until(context ctx, clock::time_point deadline) noexcept : deadline_(deadline), context_(std::move(ctx)) {}

  /// Wait for ever: not even the fiber's own context interrupts.
  static until never() noexcept {
    until u;
    u.own_context_ = false;
    return u;
  }

  /// The same limits, and not later than `t`.
  [[nodiscard]] until with_deadline(clock::time_point t) const noexcept {
    until u = *this;
    if (t < u.deadline_) u.deadline_ = t;
    return u;
  }

  [[nodiscard]] clock::time_point deadline() const noexcept { return deadline_; }
  [[nodiscard]] const context& ctx() const noexcept { return context_; }
  [[nodiscard]] const std::stop_token& stop() const noexcept { return stop_; }
  [[nodiscard]] bool observes_own_context() const noexcept { return own_context_; }

 private:
  clock::time_point deadline_ = clock::time_point::max();
  context context_;
  std::stop_token stop_{};
  bool own_context_ = true;
};

}  // namespace weft::inline v0
