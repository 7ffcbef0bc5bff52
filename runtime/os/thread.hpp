// SPDX-License-Identifier: Apache-2.0
// Threads of the kernel.
#pragma once

#include <csignal>
#include <cstddef>

#include <pthread.h>

namespace weft::inline v0::rt::os {

/// Starts a thread named `name` that has all asynchronous signals blocked from its first instruction (so
/// that a signal to the process never interrupts a fiber's system call). 0 or an errno value.
int start_thread(pthread_t& out, const char* name, void* (*body)(void*), void* argument) noexcept;
void join_thread(pthread_t t) noexcept;

/// Gives the CPU to another thread.
void yield() noexcept;
/// Asks the kernel not to round this thread's timeouts (the default lets a 20 us sleep take 70).
void precise_timers() noexcept;
/// CPUs this process may run on.
int affinity_count() noexcept;
/// Threads in this process that are neither among `known` of ours nor a sanitizer's; 0 or more.
int foreign_threads(int known) noexcept;

/// Blocks more signals in the calling thread; `before` gets the mask as it was.
void block_signals(const sigset_t& more, sigset_t* before) noexcept;
void restore_signals(const sigset_t& mask) noexcept;

}  // namespace weft::inline v0::rt::os
