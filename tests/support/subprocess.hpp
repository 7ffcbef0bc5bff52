// SPDX-License-Identifier: Apache-2.0
// Tests of how a process dies. The test program runs itself again, with a registered function as main:
//
//     const child throws("uncaught", [] { return weft::run([] { ... }); });
//
//     TEST_CASE("...") {
//       const auto end = throws.run();
//       CHECK(end.signal == SIGABRT);
//       CHECK(end.err.find("what it was") != std::string::npos);
//     }
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace weft::testing_support {

struct child_result {
  int exit_code = -1;      ///< -1 unless the process exited
  int signal = 0;          ///< what killed it, or 0
  bool timed_out = false;  ///< it took longer than the limit and was killed
  std::string err;         ///< its standard error

  [[nodiscard]] bool says(std::string_view text) const { return err.find(text) != std::string::npos; }
};

/// A main function for a child process. Namespace scope only; the name is unique in the program.
class child {
 public:
  using main_function = int (*)();

  child(const char* name, main_function main) noexcept : name_(name), main_(main), next_(first_) { first_ = this; }
  child(const child&) = delete;
  child& operator=(const child&) = delete;

  /// Starts the child, waits for its end, collects its standard error. Call it on a plain thread.
  [[nodiscard]] child_result run(std::chrono::seconds limit = std::chrono::seconds(40)) const;

 private:
  friend int child_main(std::string_view name);

  const char* name_;
  main_function main_;
  child* next_;
  static inline child* first_ = nullptr;
};

/// For main(): runs the child of that name.
int child_main(std::string_view name);

}  // namespace weft::testing_support
