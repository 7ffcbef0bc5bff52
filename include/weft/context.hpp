// SPDX-License-Identifier: Apache-2.0
// Cancellation: a tree of contexts, as in Go, and one context a fiber.
//
// A `context` is a cheap handle that can be asked, and waited on, but not cancelled. A
// `cancel_source` makes a child of a context and can cancel it, which cancels everything below.
//
//     weft::cancel_source src(weft::this_fiber::context(), 2s);   // cancelled, or after 2 s
//     auto r = conn.read(buf, src.context());                     // gives up then
//     src.cancel();                                               // or now
//
// Each fiber has a context of its own, which calls that return an error watch without being told:
//   * weft::go      the run's context, cancelled when the main fiber returns;
//   * weft::spawn   a child of the spawning fiber's, cancelled by task::cancel() and ~task();
//   * group::go     the group's, cancelled by group::cancel(), ~group() and the group's first error.
//
// Thread-safe: all members of both classes may be called from any fiber or thread at any time.
#pragma once

#include <optional>
#include <system_error>
#include <utility>

#include <weft/detail/config.hpp>
#include <weft/detail/deadline.hpp>

namespace weft::inline v0 {

namespace detail {
struct context_node;
WEFT_API void retain(context_node*) noexcept;
WEFT_API void release(context_node*) noexcept;
}  // namespace detail

class WEFT_API context {
 public:
  /// The background context: never cancelled, no deadline.
  context() noexcept = default;
  context(const context& o) noexcept : node_(o.node_) {
    if (node_ != nullptr) detail::retain(node_);
  }
  context(context&& o) noexcept : node_(std::exchange(o.node_, nullptr)) {}
  context& operator=(context o) noexcept {
    std::swap(node_, o.node_);
    return *this;
  }
  ~context() {
    if (node_ != nullptr) detail::release(node_);
  }

  static context background() noexcept { return {}; }

  /// Success while neither cancelled nor past its deadline; else errc::canceled or errc::timed_out.
  /// Once it is an error it stays that error.
  [[nodiscard]] std::error_code error() const noexcept;
  /// True once error() is an error.
  [[nodiscard]] bool done() const noexcept { return static_cast<bool>(error()); }
  /// The earliest deadline of this context and those above it.
  [[nodiscard]] std::optional<clock::time_point> deadline() const noexcept;

  friend bool operator==(const context&, const context&) noexcept = default;

  /// For weft's own code.
  explicit context(detail::context_node* adopted) noexcept : node_(adopted) {}
  [[nodiscard]] detail::context_node* node() const noexcept { return node_; }

 private:
  detail::context_node* node_ = nullptr;
};

/// Makes a child context and can cancel it. The destructor cancels (Go's `defer cancel()`).
class WEFT_API cancel_source {
 public:
  /// A child of the calling fiber's context (of the background context on a plain thread).
  cancel_source();
  /// A child of `parent`. Throws std::bad_alloc.
  explicit cancel_source(const weft::context& parent);
  /// A child of `parent` with a deadline, which is never later than the parent's.
  cancel_source(const weft::context& parent, clock::time_point deadline);
  template <class Rep, class Period>
  cancel_source(const weft::context& parent, std::chrono::duration<Rep, Period> timeout)
      : cancel_source(parent, detail::deadline_after(timeout)) {}
  cancel_source(cancel_source&& o) noexcept = default;
  cancel_source& operator=(cancel_source&& o) noexcept;
  ~cancel_source();

  [[nodiscard]] const weft::context& context() const noexcept { return context_; }
  /// Cancels the context and all below it; wakes who waits on them. Does not park. Idempotent.
  void cancel() noexcept;

 private:
  weft::context context_;
};

}  // namespace weft::inline v0
