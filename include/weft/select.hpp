// SPDX-License-Identifier: Apache-2.0
// select: waits on several channels, contexts and a timeout at once.
//
//     switch (weft::select(
//         weft::on_recv(requests, [&](auto r) { if (r) handle(*r); }),     // std::expected<T, std::error_code>
//         weft::on_send(results, next, [&](std::error_code ec) { ... }),
//         weft::on_done(ctx, [&](std::error_code why) { ... }),
//         weft::after(50ms, [&] { ... }))) {
//       case 0: ...                                                       // the index of the case that ran
//     }
//
// Exactly one case runs. If several are ready, one is chosen uniformly at random; if none is, the
// fiber parks once on all of them, or, with weft::otherwise(f), does not wait and runs that case.
// The choice is made at one instant over all channels. Handlers run in the calling fiber after the
// choice, outside all locks; they may do anything, and what they throw passes through.
//
// select watches only what it is given: name on_done(this_fiber::context(), ...) to be cancellable.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>

#include <weft/chan.hpp>
#include <weft/context.hpp>
#include <weft/detail/chan_core.hpp>

namespace weft::inline v0 {

namespace detail {

struct select_case {
  enum class kind : std::uint8_t { channel, done, after, otherwise };

  explicit select_case(kind w) noexcept : what(w) {}

  /// Before each use: a case object may be used again.
  void reset() noexcept {
    node = {};
    done_node = {};
  }

  kind what;
  bool send = false;
  chan_base* channel = nullptr;  ///< null for a nil channel and the other kinds
  /// With the channel's lock held: completes the operation if it can. `wake`: to ready after unlocking.
  bool (*attempt)(select_case&, queued_waiter*& wake) noexcept = nullptr;
  queued_waiter node;
  context_waiter done_node;
  weft::context ctx;
  clock::time_point deadline = clock::time_point::max();
};

/// Room for the algorithm's work, so that it allocates nothing.
struct select_scratch {
  select_case** cases;
  chan_base** lock_order;
  std::uint32_t* poll_order;
  std::size_t n;
};

/// May park. Returns the index of the case that is to run.
WEFT_API std::size_t select(select_scratch) noexcept;

template <class T, class F>
class recv_case : public select_case {
 public:
  recv_case(chan<T> c, F f) : select_case(kind::channel), chan_(std::move(c)), handler_(std::move(f)) {}
  void arm() noexcept {
    reset();
    value_.reset();
    channel = chan_.core();
    node.slot = &value_;
    attempt = [](select_case& c, queued_waiter*& wake) noexcept {
      auto& self = static_cast<recv_case&>(c);
      return self.chan_.core()->recv_locked(self.value_, wake);
    };
  }
  void run() {
    if (value_) {
      std::invoke(handler_, std::expected<T, std::error_code>(std::move(*value_)));
    } else {
      std::invoke(handler_, std::expected<T, std::error_code>(std::unexpect, make_error_code(errc::closed)));
    }
  }

 private:
  chan<T> chan_;
  F handler_;
  std::optional<T> value_;
};

template <class T, class F>
class send_case : public select_case {
 public:
  send_case(chan<T> c, T v, F f)
      : select_case(kind::channel), chan_(std::move(c)), value_(std::move(v)), handler_(std::move(f)) {
    send = true;
  }
  void arm() noexcept {
    reset();
    channel = chan_.core();
    node.slot = &value_;
    attempt = [](select_case& c, queued_waiter*& wake) noexcept {
      auto& self = static_cast<send_case&>(c);
      if (self.chan_.core()->closed) return true;  // chosen, with node.ok false: the handler hears `closed`
      return self.node.ok = self.chan_.core()->send_locked(self.value_, wake);
    };
  }
  void run() { std::invoke(handler_, node.ok ? std::error_code{} : make_error_code(errc::closed)); }

 private:
  chan<T> chan_;
  T value_;
  F handler_;
};

template <class F>
class done_case : public select_case {
 public:
  done_case(weft::context c, F f) : select_case(kind::done), handler_(std::move(f)) { ctx = std::move(c); }
  void arm() noexcept { reset(); }
  void run() {
    if constexpr (std::invocable<F&, std::error_code>) {
      std::invoke(handler_, ctx.error());
    } else {
      std::invoke(handler_);
    }
  }

 private:
  F handler_;
};

template <class F>
class plain_case : public select_case {
 public:
  plain_case(kind k, clock::time_point d, F f) : select_case(k), handler_(std::move(f)) { deadline = d; }
  void arm() noexcept { reset(); }
  void run() { std::invoke(handler_); }

 private:
  F handler_;
};

template <class C>
concept select_argument = std::derived_from<std::remove_cvref_t<C>, select_case>;

}  // namespace detail

/// Receive: `f(std::expected<T, std::error_code>)`, errc::closed once the channel is closed and drained.
template <class T, std::invocable<std::expected<T, std::error_code>> F>
auto on_recv(chan<T> c, F f) {
  return detail::recv_case<T, F>(std::move(c), std::move(f));
}
/// Send `v`: `f(std::error_code)`, errc::closed if the channel is closed. `v` is kept if another case runs.
template <class T, class V, std::invocable<std::error_code> F>
  requires std::convertible_to<V, T>
auto on_send(chan<T> c, V&& v, F f) {
  return detail::send_case<T, F>(std::move(c), T(std::forward<V>(v)), std::move(f));
}
/// The context is cancelled or past its deadline: `f(std::error_code)` or `f()`.
template <class F>
  requires std::invocable<F&, std::error_code> || std::invocable<F&>
auto on_done(context c, F f) {
  return detail::done_case<F>(std::move(c), std::move(f));
}
/// Nothing else was ready for that long: `f()`.
template <class Rep, class Period, std::invocable F>
auto after(std::chrono::duration<Rep, Period> timeout, F f) {
  return detail::plain_case<F>(detail::select_case::kind::after, detail::deadline_after(timeout), std::move(f));
}
/// ... until then: `f()`.
template <std::invocable F>
auto after(clock::time_point deadline, F f) {
  return detail::plain_case<F>(detail::select_case::kind::after, deadline, std::move(f));
}
/// Nothing else is ready now: `f()`. Makes the select non-blocking (Go's `default`).
template <std::invocable F>
auto otherwise(F f) {
  return detail::plain_case<F>(detail::select_case::kind::otherwise, clock::time_point::max(), std::move(f));
}

/// May park (unless it has an otherwise). Works from a plain thread. Without cases it blocks for ever, as in Go.
/// Allocates nothing.
template <detail::select_argument... Cases>
std::size_t select(Cases&&... cases) {
  constexpr std::size_t n = sizeof...(Cases);
  std::array<detail::select_case*, n + 1> list{&cases..., nullptr};
  std::array<detail::chan_base*, n + 1> lock_order;
  std::array<std::uint32_t, n + 1> poll_order;
  (cases.arm(), ...);
  const std::size_t chosen = detail::select({list.data(), lock_order.data(), poll_order.data(), n});
  [[maybe_unused]] std::size_t i = 0;
  ((i++ == chosen ? cases.run() : void()), ...);
  return chosen;
}

}  // namespace weft::inline v0
