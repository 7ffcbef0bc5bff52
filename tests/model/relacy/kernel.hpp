// SPDX-License-Identifier: Apache-2.0
// What all kernels share: how one is searched, and main().
//
//   program                    runs each suite by its own search; exit 0: clean, 1: an error was found
//   program --expect-error     for mutants: exit 0 if an error was found, 1 if all came out clean
//   program --iterations N     another number of iterations for the suites searched at random
//   program --bound N          another bound for those searched up to a number of context switches
#pragma once

#include "backend.hpp"

namespace model {

struct search {
  rl::scheduler_type_e type;
  unsigned bound;
  rl::iteration_t iterations;
};
constexpr search full() {
  return {rl::sched_full, 0, 0};
}
constexpr search bound(unsigned switches) {
  return {rl::sched_bound, switches, 0};
}
constexpr search random(rl::iteration_t iterations) {
  return {rl::sched_random, 0, iterations};
}

/// rl::simulate with one scheduler in place of all three, which takes a third of the time to compile.
template <class Suite, rl::scheduler_type_e Type>
void simulate(rl::test_params& p) {
  constexpr rl::thread_id_t threads = Suite::params::thread_count;
  using scheduler = std::conditional_t<Type == rl::sched_random, rl::random_scheduler<threads>,
                                       std::conditional_t<Type == rl::sched_bound, rl::context_bound_scheduler<threads>,
                                                          rl::full_search_scheduler<threads>>>;
  rl::ostringstream state;
  if (rl::run_test<Suite, scheduler>(p, state, false) == rl::test_result_success) return;
  // Once more from the state before the failing iteration, to print it.
  rl::ostringstream again;
  p.initial_state = state.str();
  p.collect_history = true;
  rl::run_test<Suite, scheduler>(p, again, true);
}

struct suite {
  const char* name;
  void (*simulate)(rl::test_params&);
  search how;
};
#define MODEL_SUITE(test, how)                     \
  ::model::suite {                                 \
    #test, &::model::simulate<test, how.type>, how \
  }

template <std::size_t N>
int run(int argc, char** argv, const suite (&suites)[N]) {
  bool expect_error = false;
  unsigned long iterations = 0, bound = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg == "--expect-error") {
      expect_error = true;
    } else if (arg == "--iterations" && i + 1 < argc) {
      iterations = std::strtoul(argv[++i], nullptr, 10);
    } else if (arg == "--bound" && i + 1 < argc) {
      bound = std::strtoul(argv[++i], nullptr, 10);
    } else {
      std::cout << "unknown argument " << arg << "\n";
      return 2;
    }
  }
  static std::ostream silent(nullptr);
  for (const suite& s : suites) {
    rl::test_params p;
    p.search_type = s.how.type;
    p.context_bound = bound != 0 ? static_cast<unsigned>(bound) : s.how.bound;
    p.iteration_count = iterations != 0 ? iterations : s.how.iterations;
    p.progress_stream = &silent;
    std::cout << "== " << s.name << ", " << rl::format(s.how.type);
    if (s.how.type == rl::sched_bound) std::cout << ' ' << p.context_bound;
    std::cout << std::endl;
    s.simulate(p);
    if (p.test_result != rl::test_result_success) {
      std::cout << (expect_error ? "killed" : "FAILED") << ": " << s.name << ", " << rl::test_result_str(p.test_result)
                << ", iteration " << p.stop_iteration << std::endl;
      return expect_error ? 0 : 1;
    }
    std::cout << "   clean, " << p.stop_iteration << " iterations" << std::endl;
  }
  if (expect_error) std::cout << "SURVIVED: no checker objects" << std::endl;
  return expect_error ? 1 : 0;
}

}  // namespace model
