// SPDX-License-Identifier: Apache-2.0
// Fibers with a result: spawn() and task<T>. The rules are std::jthread's.
//
//     weft::task<int> t = weft::spawn([] { return fib(30); });
//     int v = t.get();                       // joins; rethrows what the fiber threw
#pragma once

#include <concepts>
#include <exception>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <stdexcept>
#include <system_error>
#include <type_traits>
#include <utility>

#include <weft/context.hpp>
#include <weft/detail/config.hpp>
#include <weft/detail/spinlock.hpp>
#include <weft/detail/waiter_queue.hpp>
#include <weft/go.hpp>
#include <weft/until.hpp>

namespace weft::inline v0 {

namespace detail {

/// What the fiber and its handle share; freed by the second to leave.
class WEFT_API task_base {
 public:
  explicit task_base(context c, const std::source_location& where) noexcept : ctx_(std::move(c)), where_(where) {}
  task_base(const task_base&) = delete;
  task_base& operator=(const task_base&) = delete;
  virtual ~task_base() = default;

  void release() noexcept {
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
  [[nodiscard]] bool done() const noexcept;
  std::error_code wait(const until& u) noexcept;
  void cancel() noexcept;
  void finish(std::exception_ptr error) noexcept;
  /// Called when the handle lets go: an exception that nobody read is printed, once.
  void report_unread() noexcept;

  [[nodiscard]] const context& ctx() const noexcept { return ctx_; }
  std::exception_ptr error;  // written before finish() publishes
  bool read = false;         // the handle's

 private:
  const context ctx_;
  const std::source_location where_;
  std::atomic<int> refs_{2};
  mutable spinlock lock_;
  bool done_ = false;
  bool detached_ = false;  // nobody will read the result
  waiter_queue waiters_;
};

template <class T>
class task_state final : public task_base {
 public:
  using task_base::task_base;
  template <class F>
  void call(F& f) {
    value.emplace(std::invoke(f));
  }
  T take() { return std::move(*value); }

 private:
  std::optional<T> value;
};

template <class T>
class task_state<T&> final : public task_base {
 public:
  using task_base::task_base;
  template <class F>
  void call(F& f) {
    value = &std::invoke(f);
  }
  T& take() { return *value; }

 private:
  T* value = nullptr;
};

template <>
class task_state<void> final : public task_base {
 public:
  using task_base::task_base;
  template <class F>
  void call(F& f) {
    std::invoke(f);
  }
  void take() {}
};

/// A child of `parent`, or of the calling fiber's context.
WEFT_API context child_context(const std::optional<context>& parent);

}  // namespace detail

/// Handle of a fiber with a result. Movable, one owner. Its destructor cancels the fiber's context and
/// joins (so it may park, and nothing interrupts that).
template <class T>
class [[nodiscard]] task {
 public:
  /// No fiber.
  task() noexcept = default;
  task(task&& o) noexcept : state_(std::exchange(o.state_, nullptr)) {}
  task& operator=(task&& o) noexcept {
    if (this != &o) {
      reset();
      state_ = std::exchange(o.state_, nullptr);
    }
    return *this;
  }
  ~task() { reset(); }

  /// Whether there is a fiber that has not been joined by get() or detached.
  [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }
  /// Whether get() would not wait.
  [[nodiscard]] bool done() const { return state().done(); }
  /// Waits until the fiber is done; success, errc::timed_out or errc::canceled. May park. Does not rethrow.
  [[nodiscard]] std::error_code wait(const until& u = {}) { return state().wait(u); }
  /// Joins and returns the result, or rethrows what the fiber threw. Once. May park; nothing interrupts it.
  T get() {
    auto* s = &state();
    (void)s->wait(until::never());
    state_ = nullptr;
    struct releaser {
      detail::task_state<T>* s;
      ~releaser() { s->release(); }
    } r{s};
    s->read = true;
    if (s->error) std::rethrow_exception(s->error);
    return s->take();
  }
  /// Cancels the fiber's context. Does not wait.
  void cancel() { state().cancel(); }
  /// Lets the fiber go on without a handle; its result is dropped, an exception is printed.
  void detach() {
    state().report_unread();  // now, or when the fiber ends
    std::exchange(state_, nullptr)->release();
  }

  /// For weft's own code.
  explicit task(detail::task_state<T>* s) noexcept : state_(s) {}

 private:
  detail::task_state<T>& state() const {
    if (state_ == nullptr)
      throw std::logic_error("weft::task: no fiber (never started, joined, moved from or detached)");
    return *state_;
  }
  void reset() noexcept {
    if (state_ == nullptr) return;
    state_->cancel();
    (void)state_->wait(until::never());
    state_->report_unread();
    std::exchange(state_, nullptr)->release();
  }

  detail::task_state<T>* state_ = nullptr;
};

namespace detail {

template <class F>
auto try_spawn(F&& f, const spawn_options& options, const std::source_location& where)
    -> std::expected<task<std::invoke_result_t<std::decay_t<F>&>>, std::error_code> {
  using T = std::invoke_result_t<std::decay_t<F>&>;
  // Owned here until the fiber has been started: copying `f` may throw.
  auto owned = std::make_unique<task_state<T>>(child_context(options.context), where);
  auto body = [state = owned.get(), f = std::optional<std::decay_t<F>>(std::forward<F>(f))]() mutable {
    std::exception_ptr error;
    try {
      state->call(*f);
    } catch (...) {
      error = std::current_exception();
    }
    f.reset();  // what it captured is gone before the joiner goes on
    state->finish(std::move(error));
  };
  if (auto ec = launch(std::move(body), options, where, owned->ctx().node())) return std::unexpected(ec);
  return task<T>(owned.release());
}

}  // namespace detail

/// Starts `f` on a fiber of its own and returns its handle. `f` may be move-only. Does not park.
/// Throws std::bad_alloc if memory is short, std::logic_error if no weft::run() is on.
template <std::invocable F>
auto spawn(F&& f, const spawn_options& options = {},
           const std::source_location& where = std::source_location::current()) {
  auto t = detail::try_spawn(std::forward<F>(f), options, where);
  if (!t) detail::throw_spawn_error(t.error(), where);
  return std::move(*t);
}

/// As spawn(), but reports failure: std::errc::not_enough_memory, errc::not_running.
template <std::invocable F>
[[nodiscard]] auto try_spawn(F&& f, const spawn_options& options = {},
                             const std::source_location& where = std::source_location::current())
    -> decltype(detail::try_spawn(std::forward<F>(f), options, where)) {
  try {
    return detail::try_spawn(std::forward<F>(f), options, where);
  } catch (const std::bad_alloc&) {
    return std::unexpected(std::make_error_code(std::errc::not_enough_memory));
  }
}

}  // namespace weft::inline v0
