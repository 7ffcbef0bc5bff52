// SPDX-License-Identifier: Apache-2.0
#include "tests/support/watchdog.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <weft/runtime.hpp>

namespace weft::testing_support {
namespace {

char message[512];
timer_t ask_timer;   // SIGALRM: says what happened
timer_t kill_timer;  // SIGKILL, some seconds later, should the handler hang on a lock

void write_all(const char* text, std::size_t n) {
  while (n > 0) {
    const ssize_t written = ::write(STDERR_FILENO, text, n);
    if (written <= 0) return;
    text += written;
    n -= static_cast<std::size_t>(written);
  }
}

void on_alarm(int) {
  write_all(message, std::strlen(message));
  // Not safe in a handler, and worth it: the program is lost anyway, and kill_timer is running.
  const auto s = weft::runtime_stats();
  char text[512];
  const int n =
      std::snprintf(text, sizeof text,
                    "watchdog: %d Ps, %zu fibers; schedules %llu, steals %llu, wakeups %llu, threads %llu, "
                    "runnable but idle %llu\n",
                    weft::procs(), weft::num_fibers(), static_cast<unsigned long long>(s.schedules),
                    static_cast<unsigned long long>(s.steals), static_cast<unsigned long long>(s.wakeups),
                    static_cast<unsigned long long>(s.threads), static_cast<unsigned long long>(s.runnable_but_idle));
  if (n > 0) write_all(text, static_cast<std::size_t>(n));
  const std::string fibers = weft::dump_fibers();
  write_all(fibers.data(), fibers.size() < 20'000 ? fibers.size() : 20'000);
  std::abort();
}

#if defined(__x86_64__)
// The thread sanitizer puts handlers off until the thread calls something it knows, which a thread that
// sleeps in a bare futex call never does. So the handler is installed behind its back.
extern "C" void weft_test_return_from_signal();
asm(".text\n"
    "weft_test_return_from_signal:\n"
    "  mov $15, %eax\n"  // rt_sigreturn
    "  syscall\n");

void handle_alarm() {
  struct {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    unsigned long mask;
  } const action{on_alarm, 0x0400'0000 /* SA_RESTORER */, weft_test_return_from_signal, 0};
  ::syscall(SYS_rt_sigaction, SIGALRM, &action, nullptr, sizeof action.mask);
}
#else
void handle_alarm() {
  struct sigaction action{};
  action.sa_handler = on_alarm;
  ::sigaction(SIGALRM, &action, nullptr);
}
#endif

timer_t make_timer(int signal) {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = signal;
  timer_t timer{};
  if (::timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) {
    std::perror("watchdog: timer_create");
    std::abort();
  }
  return timer;
}

void set(timer_t timer, std::chrono::seconds in) {
  itimerspec spec{};
  spec.it_value.tv_sec = in.count();
  if (::timer_settime(timer, 0, &spec, nullptr) != 0) {
    std::perror("watchdog: timer_settime");
    std::abort();
  }
}

}  // namespace

void arm_watchdog(const char* what, std::chrono::seconds limit) {
  static const bool made = [] {
    handle_alarm();
    ask_timer = make_timer(SIGALRM);
    kill_timer = make_timer(SIGKILL);
    return true;
  }();
  (void)made;
  disarm_watchdog();
  std::snprintf(message, sizeof message, "\nwatchdog: \"%s\" did not end within %lld s\n", what,
                static_cast<long long>(limit.count()));
  set(ask_timer, limit);
  set(kill_timer, limit + std::chrono::seconds(15));
}

void disarm_watchdog() {
  set(ask_timer, std::chrono::seconds(0));
  set(kill_timer, std::chrono::seconds(0));
}

}  // namespace weft::testing_support
