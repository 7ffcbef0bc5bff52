// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>

namespace weft::inline v0::rt {

/// While it lives, std::terminate on a fiber first prints which fiber, where it was spawned, the exception and a
/// backtrace (of the throw, if the exception escaped from the fiber's function), then does what it did before.
class uncaught_handler {
 public:
  uncaught_handler() noexcept;
  ~uncaught_handler();
  uncaught_handler(const uncaught_handler&) = delete;
  uncaught_handler& operator=(const uncaught_handler&) = delete;

 private:
  std::terminate_handler previous_;
};

}  // namespace weft::inline v0::rt
