// SPDX-License-Identifier: Apache-2.0
#include "tests/support/subprocess.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace weft::testing_support {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::system_error failure(const char* call, int error) {
  return {error, std::system_category(), call};
}

/// Reads until end of file; false if the deadline passed before.
bool drain(int fd, std::string& out, steady_clock::time_point deadline) {
  char buffer[4096];
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left <= milliseconds(0)) return false;
    pollfd p{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&p, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) throw failure("poll", errno);
    if (ready == 0) return false;
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0) throw failure("read", errno);
    if (n == 0) return true;
    out.append(buffer, static_cast<std::size_t>(n));
  }
}

}  // namespace

child_result child::run(std::chrono::seconds limit) const {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw failure("pipe2", errno);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  std::string program = "/proc/self/exe";
  std::string flag = "--child";
  std::string name = name_;
  char* argv[] = {program.data(), flag.data(), name.data(), nullptr};
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program.c_str(), &actions, nullptr, argv, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (error != 0) {
    ::close(ends[0]);
    throw failure("posix_spawn", error);
  }

  child_result result;
  result.timed_out = !drain(ends[0], result.err, steady_clock::now() + limit);
  if (result.timed_out) ::kill(pid, SIGKILL);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) throw failure("waitpid", errno);
  }
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  return result;
}

int child_main(std::string_view name) {
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  for (const child* c = child::first_; c != nullptr; c = c->next_) {
    if (c->name_ == name) return c->main_();
  }
  std::fprintf(stderr, "no child named %.*s\n", static_cast<int>(name.size()), name.data());
  return 99;
}

}  // namespace weft::testing_support
