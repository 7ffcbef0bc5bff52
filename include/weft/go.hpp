// SPDX-License-Identifier: Apache-2.0
// Starting fibers that nobody joins.
//
//     weft::go([c = std::move(conn)]() mutable { serve(c); });
//     weft::go(work, {.name = "flusher", .stack_size = 64 * 1024});
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <source_location>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include <weft/context.hpp>
#include <weft/detail/config.hpp>

namespace weft::inline v0 {

/// Where a new fiber stands in the spawning P's queue.
enum class place : unsigned char {
  next,  ///< runs next, on the rest of the spawner's time slice (as in Go; warm caches)
  tail,  ///< at the end of the queue
};

struct spawn_options {
  /// Shown in dumps, reports and traces. Copied; cut after 31 bytes.
  std::string_view name{};
  /// Usable stack in bytes, rounded up to a power of two, at least 16 KiB. 0 means options.stack_size.
  /// Memory is committed as it is touched, so a large size costs address space only.
  std::size_t stack_size = 0;
  weft::place place = place::next;
  /// The new fiber's context. Default: the run's for go(), a child of the spawner's for spawn(). At the end of the run
  /// the fiber's waits are interrupted also if this context is not below the run's; the context itself is its maker's.
  std::optional<weft::context> context{};
};

namespace detail {

/// A fiber that has been made but not started: its closure is still to be built in `closure`.
struct new_fiber {
  struct G* g = nullptr;
  void* closure = nullptr;
  std::error_code error;
};

using closure_fn = void (*)(void* closure);

/// `parent_context`: what the fiber gets when options.context is empty (null: the run's).
WEFT_API new_fiber make_fiber(const spawn_options&, const std::source_location&, std::size_t size, std::size_t align,
                              context_node* fiber_context) noexcept;
WEFT_API void start_fiber(new_fiber, closure_fn run, weft::place) noexcept;
WEFT_API void discard_fiber(new_fiber) noexcept;
/// `asked`, or the calling fiber's context; the run's if that is the background.
WEFT_API context parent_for_fibers(const std::optional<context>& asked);
/// Throws what failing to make a fiber means: std::logic_error if nothing runs, else std::bad_alloc.
[[noreturn]] WEFT_API void throw_spawn_error(std::error_code, const std::source_location&);

/// Closures up to this size are built on the new fiber's own stack; larger ones on the heap.
inline constexpr std::size_t max_inline_closure = 2048;

/// A large closure, on the heap.
template <class F>
struct boxed_closure {
  template <class G>
  explicit boxed_closure(std::in_place_t, G&& g) : f(std::make_unique<F>(std::forward<G>(g))) {}
  void operator()() { (*f)(); }
  std::unique_ptr<F> f;
};

template <class F>
struct inline_closure {
  template <class G>
  explicit inline_closure(std::in_place_t, G&& g) : f(std::forward<G>(g)) {}
  void operator()() { f(); }
  F f;
};

/// Starts `f` on a new fiber. `fiber_context` is retained by the callee. Strong guarantee: `f` is moved from only once
/// all memory has been had.
template <class F>
std::error_code launch(F&& f, const spawn_options& options, const std::source_location& where,
                       context_node* fiber_context) {
  using function = std::decay_t<F>;
  using closure =
      std::conditional_t<(sizeof(function) > max_inline_closure), boxed_closure<function>, inline_closure<function>>;
  new_fiber fiber = make_fiber(options, where, sizeof(closure), alignof(closure), fiber_context);
  if (fiber.error) return fiber.error;
  struct guard {
    new_fiber* fiber;
    ~guard() {
      if (fiber != nullptr) discard_fiber(*fiber);
    }
  } undo{&fiber};
  ::new (fiber.closure) closure(std::in_place, std::forward<F>(f));
  undo.fiber = nullptr;
  start_fiber(
      fiber,
      [](void* p) {
        // Destroyed before the fiber ends, on its own stack; an exception passes through to the reporter.
        auto* c = static_cast<closure*>(p);
        struct destroyer {
          closure* c;
          ~destroyer() { c->~closure(); }
        } d{c};
        (*c)();
      },
      options.place);
  return {};
}

}  // namespace detail

/// Starts `f` on a fiber of its own, detached. `f` may be move-only; it is destroyed on the new fiber.
/// An exception that escapes from it ends the process, with the fiber's name and spawn site, what()
/// and a backtrace of the throw. Does not park. May be called from a plain thread while a run is on.
/// Throws std::bad_alloc if no stack can be had, std::logic_error if no weft::run() is on.
template <std::invocable F>
void go(F&& f, const spawn_options& options = {}, const std::source_location& where = std::source_location::current()) {
  if (auto ec = detail::launch(std::forward<F>(f), options, where, nullptr)) detail::throw_spawn_error(ec, where);
}

/// As go(), but reports failure: std::errc::not_enough_memory or errc::not_running. `f` is then untouched.
template <std::invocable F>
[[nodiscard]] std::error_code try_go(F&& f, const spawn_options& options = {},
                                     const std::source_location& where = std::source_location::current()) {
  try {
    return detail::launch(std::forward<F>(f), options, where, nullptr);
  } catch (const std::bad_alloc&) {
    return std::make_error_code(std::errc::not_enough_memory);
  }
}

}  // namespace weft::inline v0
