// SPDX-License-Identifier: Apache-2.0
// Waiting for something that can only be looked at, like a count.
#pragma once

#include <chrono>
#include <concepts>
#include <thread>

#include <weft/this_fiber.hpp>
#include <weft/time.hpp>

#include "tests/support/scale.hpp"

namespace weft::testing_support {

/// True as soon as `pred()` is; false if it is not within `limit`. From a fiber or a plain thread.
template <std::predicate P>
bool eventually(P&& pred, std::chrono::milliseconds limit = std::chrono::seconds(scaled(10, 40))) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (int looks = 0;; ++looks) {
    if (pred()) return true;
    if (std::chrono::steady_clock::now() >= deadline) return false;
    if (this_fiber::id() == 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    } else if (looks < 100) {
      weft::yield();
    } else {
      weft::sleep(std::chrono::microseconds(200));
    }
  }
}

}  // namespace weft::testing_support
