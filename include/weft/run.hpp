// SPDX-License-Identifier: Apache-2.0
// The run: everything begins with weft::run.
//
//     int main() {
//       return weft::run([] { ... });      // the main fiber; 0 unless it returns an int
//     }
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <source_location>
#include <string_view>
#include <type_traits>
#include <utility>

#include <weft/detail/config.hpp>

namespace weft::inline v0 {

struct options {
  /// Number of Ps: how many fibers run at once. 0: WEFT_PROCS if set, else the CPUs this process may run on.
  int procs = 0;
  /// Usable stack of a fiber that asks for nothing else, in bytes (see spawn_options::stack_size).
  std::size_t stack_size = 256 * 1024;
  /// How long run() waits for the other fibers once the main fiber has returned and they have been
  /// cancelled; then it prints those that are left and ends the process with exit code 3. 0: for ever.
  std::chrono::milliseconds drain{10'000};
  /// Called instead of the default (print to stderr and end the process with exit code 2) when the
  /// run is certainly deadlocked: no fiber can ever run again. `report` names each fiber and what it
  /// waits for. Called on the thread that called run(), outside all locks; it may wake fibers, and
  /// must not throw.
  std::function<void(std::string_view report)> on_deadlock{};
};

namespace detail {

/// A main function with its result, erased.
class main_call {
 public:
  virtual void call() = 0;

 protected:
  ~main_call() = default;
};

WEFT_API void run(main_call&, const options&, const std::source_location&);

}  // namespace detail

/// Makes a runtime, calls `main` as its first fiber, waits until it and all other fibers have ended,
/// and tears everything down. Returns what `main` returns (0 if void); rethrows what it throws.
///
/// When `main` returns, the context of every other fiber is cancelled; see options::drain.
/// The calling thread becomes the runtime's monitor: it runs no fibers and keeps its signal mask, so
/// signals to the process are handled there as they were before.
///
/// As often as wanted in one process, one at a time. Throws std::logic_error when called on a fiber or
/// while another run is on, std::invalid_argument for options out of range, std::system_error if the
/// kernel refuses what a runtime needs (an epoll instance, a thread).
///
/// Environment: WEFT_PROCS (used if options.procs is 0).
template <std::invocable F>
  requires std::convertible_to<std::invoke_result_t<F>, int> || std::is_void_v<std::invoke_result_t<F>>
int run(F&& main, const options& o = {}, const std::source_location& where = std::source_location::current()) {
  struct call_main final : detail::main_call {
    explicit call_main(F& callable) : f(callable) {}
    void call() override {
      if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
        std::invoke(std::forward<F>(f));
      } else {
        result = std::invoke(std::forward<F>(f));
      }
    }
    F& f;
    int result = 0;
  } call(main);
  // detail::run rethrows what main threw.
  detail::run(call, o, where);
  return call.result;
}

}  // namespace weft::inline v0
