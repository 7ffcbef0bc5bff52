// SPDX-License-Identifier: Apache-2.0
#include "runtime/fiber/execution.hpp"

#include <cxxabi.h>
#include <cerrno>

#include <pthread.h>

#if WEFT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if WEFT_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace weft::inline v0::rt {

namespace bc = boost::context::detail;

exception_state* thread_exception_state() noexcept {
  return reinterpret_cast<exception_state*>(abi::__cxa_get_globals());
}

void adopt_thread(execution& e) noexcept {
#if WEFT_ASAN
  pthread_attr_t attributes;
  void* low = nullptr;
  ::pthread_getattr_np(::pthread_self(), &attributes);
  ::pthread_attr_getstack(&attributes, &low, &e.stack_size);
  ::pthread_attr_destroy(&attributes);
  e.stack_low = low;
#endif
#if WEFT_TSAN
  e.tsan_fiber = __tsan_get_current_fiber();
#endif
  (void)e;
}

void make_execution(execution& e, void* top, std::size_t size, void (*entry)(bc::transfer_t)) noexcept {
  e.context = bc::make_fcontext(top, size, entry);
  e.exceptions = {};
  e.saved_errno = 0;
#if WEFT_ASAN
  e.fake_stack = nullptr;
  e.stack_low = static_cast<char*>(top) - size;
  e.stack_size = size;
#endif
#if WEFT_TSAN
  // A new one for each life: a fiber ends without returning from its last frames, so its shadow call stack would grow
  // with every reuse, and overflow after some thousands.
  if (e.tsan_fiber != nullptr) __tsan_destroy_fiber(e.tsan_fiber);
  e.tsan_fiber = __tsan_create_fiber(0);
#endif
}

void reuse_stack([[maybe_unused]] char* low, [[maybe_unused]] char* high) noexcept {
#if WEFT_ASAN
  __asan_unpoison_memory_region(low, static_cast<std::size_t>(high - low));
#endif
}

namespace {

// On arrival: tell the one we came from where it was left.
void arrive(bc::transfer_t t, [[maybe_unused]] void* fake_stack) noexcept {
#if WEFT_ASAN
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
  *static_cast<bc::fcontext_t*>(t.data) = t.fctx;
}

}  // namespace

void begin_execution([[maybe_unused]] execution& self, bc::transfer_t t, void* entry_frame) noexcept {
  arrive(t, nullptr);
  // The saved frame pointer and return address of a frame that never returns.
  static_cast<void**>(entry_frame)[0] = nullptr;
  static_cast<void**>(entry_frame)[1] = nullptr;
}

void switch_execution(execution& from, execution& to, exception_state* thread, [[maybe_unused]] bool ends) noexcept {
  from.exceptions = *thread;
  *thread = to.exceptions;
  from.saved_errno = errno;
  errno = to.saved_errno;
#if WEFT_ASAN
  __sanitizer_start_switch_fiber(ends ? nullptr : &from.fake_stack, to.stack_low, to.stack_size);
#endif
#if WEFT_TSAN
  __tsan_switch_to_fiber(to.tsan_fiber, 0);
#endif
  const bc::transfer_t t = bc::jump_fcontext(to.context, &from.context);
#if WEFT_ASAN
  arrive(t, from.fake_stack);
#else
  arrive(t, nullptr);
#endif
}

void destroy_execution(execution& e) noexcept {
#if WEFT_TSAN
  if (e.tsan_fiber != nullptr) __tsan_destroy_fiber(e.tsan_fiber);
  e.tsan_fiber = nullptr;
#endif
  (void)e;
}

}  // namespace weft::inline v0::rt
