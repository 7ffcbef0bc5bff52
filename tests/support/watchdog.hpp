// SPDX-License-Identifier: Apache-2.0
// Ends the program, with a message and a dump of the fibers, when a test case takes too long.
//
// It is a POSIX timer and a signal handler rather than a thread, because a thread that the runtime did
// not make switches off deadlock detection. The signal comes to the thread that called weft::run(): the
// runtime's own threads block it. Every test case has one (see main.cpp); give a case a limit of its own
// with `TEST_CASE("..." * doctest::timeout(seconds))`.
#pragma once

#include <chrono>

namespace weft::testing_support {

/// From now on `what` may take `limit`. Replaces the limit before.
void arm_watchdog(const char* what, std::chrono::seconds limit);
void disarm_watchdog();

}  // namespace weft::testing_support
