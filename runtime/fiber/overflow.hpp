// SPDX-License-Identifier: Apache-2.0
// Stack overflow: a SIGSEGV on a fiber's guard is reported with the fiber's name, spawn site and stack
// size, then the process dies as it would have.
#pragma once

#include <memory>

namespace weft::inline v0::rt {

/// Installs the handler for SIGSEGV and SIGBUS for as long as it lives; everything that is not a fiber's
/// overflow goes to the handler that was there before.
class overflow_handler {
 public:
  overflow_handler() noexcept;
  ~overflow_handler();
  overflow_handler(const overflow_handler&) = delete;
  overflow_handler& operator=(const overflow_handler&) = delete;
};

/// The alternate signal stack of a thread that runs fibers: a handler cannot run on a stack that is full.
class alternate_stack {
 public:
  alternate_stack() noexcept;
  ~alternate_stack();
  alternate_stack(const alternate_stack&) = delete;
  alternate_stack& operator=(const alternate_stack&) = delete;

 private:
  void* base_ = nullptr;
};

}  // namespace weft::inline v0::rt
