// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <system_error>

#include "tests/support/eventually.hpp"

namespace weft::integration {

namespace {

int memory_file() {
  const int fd = ::memfd_create("output", MFD_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::system_category(), "memfd_create");
  return fd;
}

}  // namespace

std::string beside(std::string_view name) {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / name).string();
}

std::string find_tool(std::string_view name) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/bin:/bin" : path;
  while (!rest.empty()) {
    const auto end = rest.find(':');
    std::string candidate = std::string(rest.substr(0, end)) + "/" + std::string(name);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
  }
  return {};
}

process::process(std::vector<std::string> command, std::size_t files) : out_(memory_file()), err_(memory_file()) {
  std::vector<char*> argv;
  for (auto& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);

  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw std::system_error(errno, std::system_category(), "fork");
  if (pid_ == 0) {
    // Everything here is allowed after a fork, as the test programs have one thread at this point.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(126);
    const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::dup2(in, STDIN_FILENO);
    ::dup2(out_, STDOUT_FILENO);
    ::dup2(err_, STDERR_FILENO);
    if (const char* procs = std::getenv("WEFT_TEST_PROCS")) ::setenv("WEFT_PROCS", procs, 1);
    if (files != 0) {
      const rlimit limit{files, files};
      ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
}

process::~process() {
  if (!reaped_) kill_and_reap();
  ::close(out_);
  ::close(err_);
}

void process::kill_and_reap() noexcept {
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::string process::text_of(int file) {
  std::string text;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t n = ::pread(file, buffer.data(), buffer.size(), static_cast<off_t>(text.size()));
    if (n <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

std::string process::wait_for_line(std::string_view text, bool on_stderr) {
  std::string line;
  const auto look = [&] {
    const bool last_look = ended();  // asked before reading: what it printed before its end is seen
    const std::string all = on_stderr ? err() : out();
    const auto at = all.find(text);
    const auto end = at == all.npos ? at : all.find('\n', at);
    if (end == all.npos) return last_look;
    const auto start = all.rfind('\n', at);
    line = all.substr(start == all.npos ? 0 : start + 1, end - (start == all.npos ? 0 : start + 1));
    return true;
  };
  if (!testing_support::eventually(look, patience) || line.empty()) {
    throw std::runtime_error("no line with '" + std::string(text) + "'; it printed: " + out() + err());
  }
  return line;
}

void process::signal(int number) const {
  if (!reaped_) ::kill(pid_, number);
}

bool process::ended() {
  if (reaped_) return true;
  int status = 0;
  const pid_t got = ::waitpid(pid_, &status, WNOHANG);
  if (got != pid_) return false;
  reaped_ = true;
  if (WIFEXITED(status)) ending_.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) ending_.signal = WTERMSIG(status);
  return true;
}

ending process::wait() {
  if (!testing_support::eventually([this] { return ended(); }, patience)) {
    throw std::runtime_error("the process did not end; it printed: " + out() + err());
  }
  return ending_;
}

std::size_t process::open_files() const {
  const std::filesystem::directory_iterator files("/proc/" + std::to_string(pid_) + "/fd");
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

}  // namespace weft::integration
