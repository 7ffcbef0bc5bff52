// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/thread.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <initializer_list>

#include <dirent.h>
#include <sched.h>
#include <sys/prctl.h>

#include "runtime/os/fallback.hpp"
#include "runtime/os/sanitizer.hpp"

namespace weft::inline v0::rt::os {

namespace {

// Scheduler code and signal handlers of the program that do not ask for the alternate stack run on it.
constexpr std::size_t scheduler_stack = 256 * 1024;

sigset_t all_asynchronous() noexcept {
  sigset_t set;
  ::sigfillset(&set);
  for (int s : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) ::sigdelset(&set, s);
  return set;
}

}  // namespace

int start_thread(pthread_t& out, const char* name, void* (*body)(void*), void* argument) noexcept {
  if (forced(fallback::threads)) return EAGAIN;
  pthread_attr_t attributes;
  if (int e = ::pthread_attr_init(&attributes); e != 0) return e;
  ::pthread_attr_setstacksize(&attributes, sanitized ? 4 * scheduler_stack : scheduler_stack);
  const sigset_t block = all_asynchronous();
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &block, &before);  // inherited by the new thread
  const int e = ::pthread_create(&out, &attributes, body, argument);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::pthread_attr_destroy(&attributes);
  if (e == 0) ::pthread_setname_np(out, name);
  return e;
}

void join_thread(pthread_t t) noexcept {
  ::pthread_join(t, nullptr);
}

void yield() noexcept {
  ::sched_yield();
}

void precise_timers() noexcept {
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
}

int affinity_count() noexcept {
  // The kernel's mask may be larger than cpu_set_t on big machines: grow until it fits.
  for (int cpus = 1024; cpus <= 1 << 20; cpus *= 2) {
    cpu_set_t* set = CPU_ALLOC(static_cast<std::size_t>(cpus));
    if (set == nullptr) return 1;
    const std::size_t size = CPU_ALLOC_SIZE(static_cast<std::size_t>(cpus));
    const int r = ::sched_getaffinity(0, size, set);
    const int error = errno;
    const int count = r == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (r == 0) return std::max(1, count);
    if (error != EINVAL) return 1;
  }
  return 1;
}

int foreign_threads(int known) noexcept {
  DIR* dir = ::opendir("/proc/self/task");
  if (dir == nullptr) return 1;  // cannot tell: assume there is one
  int count = 0;
  while (const dirent* e = ::readdir(dir)) {
    if (e->d_name[0] != '.') ++count;
  }
  ::closedir(dir);
  return std::max(0, count - known - sanitizer_threads);
}

void block_signals(const sigset_t& more, sigset_t* before) noexcept {
  ::pthread_sigmask(SIG_BLOCK, &more, before);
}
void restore_signals(const sigset_t& mask) noexcept {
  ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
}

}  // namespace weft::inline v0::rt::os
