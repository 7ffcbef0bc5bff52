// SPDX-License-Identifier: Apache-2.0
// Many fibers that live and die together: Go's errgroup and a nursery in one.
//
//     weft::group g;
//     for (auto& url : urls) g.go([&] { return fetch(url); });     // std::error_code or void
//     if (auto ec = g.wait()) ...                                  // the first error
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <system_error>
#include <type_traits>
#include <utility>

#include <weft/context.hpp>
#include <weft/detail/config.hpp>
#include <weft/detail/spinlock.hpp>
#include <weft/detail/waiter_queue.hpp>
#include <weft/go.hpp>
#include <weft/this_fiber.hpp>
#include <weft/until.hpp>

namespace weft::inline v0 {

namespace detail {

/// Owned by the group; outlives all its fibers because the group joins them.
class WEFT_API group_state {
 public:
  explicit group_state(const context& parent) : source_(parent_for_fibers(parent)) {}

  /// Counts a fiber in, waiting while the limit is reached.
  std::error_code enter(const until& u) noexcept;
  void leave() noexcept;
  void fail(std::error_code ec) noexcept;
  void fail(std::exception_ptr e) noexcept;
  std::error_code wait(const until& u) noexcept;
  void rethrow();

  [[nodiscard]] std::size_t size() noexcept;
  void limit(std::size_t n) noexcept;
  [[nodiscard]] const context& ctx() const noexcept { return source_.context(); }
  void cancel() noexcept { source_.cancel(); }

 private:
  cancel_source source_;
  spinlock lock_;
  std::size_t count_ = 0;  // fibers inside; this and the rest under lock_
  std::size_t limit_ = 0;  // 0: none
  std::error_code first_error_;
  std::exception_ptr first_exception_;
  waiter_queue joiners_;
  waiter_queue entering_;
};

}  // namespace detail

/// Owns fibers. Its destructor cancels their context and joins them (so it may park). Movable.
class group {
 public:
  /// The fibers' context is a child of the calling fiber's.
  group() : group(this_fiber::context()) {}
  /// ... of `parent`.
  explicit group(const weft::context& parent) : state_(std::make_unique<detail::group_state>(parent)) {}
  group(group&&) noexcept = default;
  group& operator=(group&& o) noexcept {
    if (this != &o) {
      finish();
      state_ = std::move(o.state_);
    }
    return *this;
  }
  ~group() { finish(); }

  /// Starts `f` (returning void or std::error_code) in the group. Parks while limit() fibers are inside.
  /// The first error returned or thrown cancels the group's context and is kept for wait().
  /// errc::canceled or errc::timed_out if the wait for room ended so; errors of spawning are thrown.
  template <std::invocable F>
  std::error_code go(F&& f, const spawn_options& options = {},
                     const std::source_location& where = std::source_location::current()) {
    auto* s = state_.get();
    if (auto ec = s->enter({})) return ec;
    struct guard {
      detail::group_state* entered;
      ~guard() {
        if (entered != nullptr) entered->leave();
      }
    } undo{s};  // copying `f` may throw
    auto body = [s, f = std::optional<std::decay_t<F>>(std::forward<F>(f))]() mutable {
      try {
        if constexpr (std::convertible_to<std::invoke_result_t<std::decay_t<F>&>, std::error_code>) {
          if (std::error_code ec = std::invoke(*f)) s->fail(ec);
        } else {
          std::invoke(*f);
        }
      } catch (...) {
        s->fail(std::current_exception());
      }
      f.reset();  // what it captured is gone before a joiner goes on
      s->leave();
    };
    if (auto ec = detail::launch(std::move(body), options, where, s->ctx().node())) {
      detail::throw_spawn_error(ec, where);
    }
    undo.entered = nullptr;
    return {};
  }

  /// Waits until all fibers have ended. Rethrows the first exception; else returns the first error, or
  /// errc::canceled / errc::timed_out if `u` ended the wait. May be called again. May park.
  std::error_code wait(const until& u = {}) {
    auto ec = state_->wait(u);
    state_->rethrow();
    return ec;
  }
  /// Cancels the fibers' context. Does not wait.
  void cancel() noexcept { state_->cancel(); }
  /// At most `n` fibers at once from now on; 0: no limit.
  void limit(std::size_t n) noexcept { state_->limit(n); }
  /// Fibers inside now.
  [[nodiscard]] std::size_t size() const noexcept { return state_->size(); }
  /// The fibers' context.
  [[nodiscard]] const weft::context& context() const noexcept { return state_->ctx(); }

 private:
  void finish() noexcept {
    if (!state_) return;
    state_->cancel();
    (void)state_->wait(until::never());
  }

  std::unique_ptr<detail::group_state> state_;
};

}  // namespace weft::inline v0
