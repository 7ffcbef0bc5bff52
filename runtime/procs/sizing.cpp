// SPDX-License-Identifier: Apache-2.0
#include "runtime/procs/sizing.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "runtime/os/thread.hpp"
#include "runtime/sched/scheduler.hpp"

namespace weft::inline v0::rt {

sizing choose_procs(int asked) {
  const auto check = [](int n, const char* from) {
    if (n >= 1 && n <= static_cast<int>(scheduler::max_procs)) return;
    throw std::invalid_argument(std::string("weft::run: ") + from + " is " + std::to_string(n) +
                                ", which is not in 1.." + std::to_string(scheduler::max_procs));
  };
  if (asked != 0) {
    check(asked, "options::procs");
    return {asked, "options::procs asks for " + std::to_string(asked)};
  }
  if (const char* text = std::getenv("WEFT_PROCS"); text != nullptr && *text != '\0') {
    const std::string_view t(text);
    int n = 0;
    const auto [end, ec] = std::from_chars(t.data(), t.data() + t.size(), n);
    if (ec != std::errc{} || end != t.data() + t.size()) {
      throw std::invalid_argument("weft::run: WEFT_PROCS is \"" + std::string(t) + "\", which is not a number");
    }
    check(n, "WEFT_PROCS");
    return {n, "WEFT_PROCS asks for " + std::to_string(n)};
  }
  const int cpus = os::affinity_count();
  const int n = std::min(cpus, static_cast<int>(scheduler::max_procs));
  return {n, "affinity allows " + std::to_string(cpus) + (cpus == 1 ? " CPU" : " CPUs") +
                 "; cgroup quota, cpuset and NUMA are not read yet"};
}

}  // namespace weft::inline v0::rt
