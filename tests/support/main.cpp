// SPDX-License-Identifier: Apache-2.0
// main() of every test program: doctest, a watchdog for each case, skips, and the children of
// subprocess.hpp.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <chrono>
#include <cstdio>
#include <string_view>

#include "tests/support/scale.hpp"
#include "tests/support/skip.hpp"
#include "tests/support/subprocess.hpp"
#include "tests/support/watchdog.hpp"

namespace {

int cases_run = 0;
int cases_skipped = 0;
const char* current_case = "";

struct case_listener final : doctest::IReporter {
  explicit case_listener(const doctest::ContextOptions&) {}

  void test_case_start(const doctest::TestCaseData& data) override {
    ++cases_run;
    arm(data);
  }
  void test_case_reenter(const doctest::TestCaseData& data) override { arm(data); }
  void test_case_end(const doctest::CurrentTestCaseStats&) override { weft::testing_support::disarm_watchdog(); }

  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}

 private:
  static void arm(const doctest::TestCaseData& data) {
    current_case = data.m_name;
    const auto own = std::chrono::seconds(static_cast<long long>(data.m_timeout));
    weft::testing_support::arm_watchdog(data.m_name, own.count() > 0 ? own : weft::testing_support::case_limit);
  }
};

}  // namespace

REGISTER_LISTENER("cases", 1, case_listener);

void weft::testing_support::skip(std::string_view reason) {
  ++cases_skipped;
  std::printf("skipped: %s: %.*s\n", current_case, static_cast<int>(reason.size()), reason.data());
}

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--child") return weft::testing_support::child_main(argv[2]);

  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // what a test printed before it hung or crashed is not lost

  doctest::Context context(argc, argv);
  const int result = context.run();
  if (context.shouldExit() || result != 0) return result;
  if (cases_run > 0 && cases_skipped == cases_run) {
    std::printf("skipped: all %d test cases\n", cases_run);
    return 77;
  }
  return 0;
}
