// SPDX-License-Identifier: Apache-2.0
// Fibers as text, in the manner of Go's goroutine dumps.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weft::inline v0::trace {

struct fiber_record {
  std::uint64_t id = 0;
  std::string name;
  std::string state;  ///< "running", "runnable", or what it waits for
  std::string site;   ///< where it was spawned, file:line
};

/// One line a fiber, by id; fibers alike in name, state and site are grouped: "fibers 5, 9, 12 (3) [...]".
std::string format(std::vector<fiber_record> fibers);

}  // namespace weft::inline v0::trace
