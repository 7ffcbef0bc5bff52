// SPDX-License-Identifier: Apache-2.0
// How many Ps, and why.
#pragma once

#include <string>

namespace weft::inline v0::rt {

struct sizing {
  int procs = 1;
  std::string reason;  ///< one line
};

/// `asked` if positive, else WEFT_PROCS, else the CPUs this process may run on. The cgroup's quota and cpuset and
/// the NUMA topology are not read yet, and the reason says so. Throws std::invalid_argument for numbers that are
/// out of range or not numbers.
sizing choose_procs(int asked);

}  // namespace weft::inline v0::rt
