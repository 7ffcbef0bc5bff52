// SPDX-License-Identifier: Apache-2.0
// Another program, run by a test: one of the samples, or a tool.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/scale.hpp"

namespace weft::integration {

/// How long anything may take that is waited for. Not a measure of speed: a busy machine is slow.
inline constexpr std::chrono::seconds patience{testing_support::scaled(20, 60)};

/// The path of a program that lies beside this one (build/PRESET/bin).
[[nodiscard]] std::string beside(std::string_view name);

/// The path of a program in $PATH, or "".
[[nodiscard]] std::string find_tool(std::string_view name);

struct ending {
  int exit_code = -1;  ///< -1 unless it exited
  int signal = 0;      ///< what killed it, or 0

  bool operator==(const ending&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const ending& e) {
  if (e.signal != 0) return out << "killed by signal " << e.signal;
  return out << "exit code " << e.exit_code;
}

/// A child process. It runs with WEFT_PROCS = $WEFT_TEST_PROCS, so a sample gets the number of Ps of this
/// test, and dies with the test. The destructor kills it if it is still there.
class process {
 public:
  /// `files`: RLIMIT_NOFILE of the child; 0: ours. Throws std::system_error.
  explicit process(std::vector<std::string> command, std::size_t files = 0);
  process(const process&) = delete;
  process& operator=(const process&) = delete;
  ~process();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// What it has printed up to now.
  [[nodiscard]] std::string out() const { return text_of(out_); }
  [[nodiscard]] std::string err() const { return text_of(err_); }
  /// Waits for a whole line on its standard output or error that contains `text`; throws if none comes.
  std::string wait_for_line(std::string_view text, bool on_stderr = false);

  void signal(int number) const;
  /// Waits for its end; throws if that doesn't come in time.
  ending wait();
  [[nodiscard]] bool ended();
  /// How many file descriptors it has open.
  [[nodiscard]] std::size_t open_files() const;

 private:
  static std::string text_of(int file);
  void kill_and_reap() noexcept;

  pid_t pid_ = -1;
  int out_ = -1;  // files in memory: the child never waits for us to read
  int err_ = -1;
  bool reaped_ = false;
  ending ending_;
};

}  // namespace weft::integration
