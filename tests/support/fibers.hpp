// SPDX-License-Identifier: Apache-2.0
// Running a test's body on fibers.
//
// On fibers use CHECK only: REQUIRE throws, which ends any fiber but the main one, and INFO and CAPTURE
// keep a thread_local list that another fiber finds when it runs on that thread next.
#pragma once

#include <concepts>
#include <cstdlib>
#include <thread>
#include <utility>

#include <doctest/doctest.h>

#include <weft/blocking.hpp>
#include <weft/run.hpp>
#include <weft/runtime.hpp>

namespace weft::testing_support {

/// The number of Ps this program is to be run with: WEFT_TEST_PROCS, which ctest sets; 2 without.
inline int procs() {
  const char* value = std::getenv("WEFT_TEST_PROCS");
  const int n = value == nullptr ? 0 : std::atoi(value);
  return n > 0 ? n : 2;
}

/// weft::run with procs() Ps. Also checks what must hold at the end of every run: that no fiber ever
/// waited beside an idle P.
template <std::invocable F>
int run(F&& f, weft::options o = {}) {
  if (o.procs == 0) o.procs = procs();
  return weft::run(
      [&f] {
        struct at_end {
          ~at_end() { CHECK(weft::runtime_stats().runnable_but_idle == 0); }
        } check;
        return std::forward<F>(f)();
      },
      o);
}

/// A thread the runtime did not make; joined by the destructor with the P released, so that the fibers
/// it waits for go on.
class plain_thread {
 public:
  template <std::invocable F>
  explicit plain_thread(F f) : thread_(std::move(f)) {}
  plain_thread(plain_thread&&) noexcept = default;
  ~plain_thread() { join(); }

  void join() {
    if (thread_.joinable()) weft::blocking([this] { thread_.join(); });
  }

 private:
  std::thread thread_;
};

}  // namespace weft::testing_support
