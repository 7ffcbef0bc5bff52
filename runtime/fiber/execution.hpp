// SPDX-License-Identifier: Apache-2.0
// A stack that can be switched to: a fiber's, or the scheduler stack (g0) of a thread.
//
// The switch is Boost.Context's raw fcontext. Around it we carry what C++ keeps per thread but belongs to
// a flow of control: the two words of __cxa_eh_globals (exceptions being handled, and the count of those
// in flight) and errno; and we tell the sanitizers. All of it is set *before* the jump, on the thread that
// jumps, because that thread is the one that goes on with the target: after the jump returns, the code
// may be on another thread, where an address computed before would be the wrong one.
#pragma once

#include <cstddef>

#include <boost/context/detail/fcontext.hpp>

#include "runtime/os/sanitizer.hpp"

namespace weft::inline v0::rt {

/// The layout of __cxa_eh_globals, which the ABI document fixes (Itanium C++ ABI, exception handling §2.2.2).
struct exception_state {
  void* caught = nullptr;
  unsigned int uncaught = 0;
};

struct execution {
  boost::context::detail::fcontext_t context = nullptr;
  exception_state exceptions;
  int saved_errno = 0;
#if WEFT_ASAN
  void* fake_stack = nullptr;
  const void* stack_low = nullptr;
  std::size_t stack_size = 0;
#endif
#if WEFT_TSAN
  void* tsan_fiber = nullptr;
#endif
};

/// The calling thread's exception state. The address belongs to the thread: fetch it once per thread.
exception_state* thread_exception_state() noexcept;

/// Makes the calling thread's own stack a switch target.
void adopt_thread(execution& e) noexcept;

/// Before anything is put on a stack that another fiber had: it never returned from its last frames, and their red
/// zones are still there, also where the next fiber's closure will be.
void reuse_stack(char* low, char* high) noexcept;

/// Prepares `e` to begin in `entry` on the stack that ends below `top`. `entry` must call begin_execution()
/// first, and must never return.
void make_execution(execution& e, void* top, std::size_t size,
                    void (*entry)(boost::context::detail::transfer_t)) noexcept;
/// First thing on a new stack: completes the switch that led here. Also cuts the chain of frames, so that
/// unwinders and frame-pointer walkers end there: pass __builtin_frame_address(0) of the entry function.
void begin_execution(execution& self, boost::context::detail::transfer_t t, void* entry_frame) noexcept;

/// Leaves `from` and goes on with `to`. Returns when somebody switches back, perhaps on another thread.
/// `thread` is the calling thread's exception state. If `ends`, `from` is never switched to again.
void switch_execution(execution& from, execution& to, exception_state* thread, bool ends = false) noexcept;

/// Frees what the sanitizers hold for `e`.
void destroy_execution(execution& e) noexcept;

}  // namespace weft::inline v0::rt
