// SPDX-License-Identifier: Apache-2.0
// What tests scale down, where, and why. Nothing is compiled out under a sanitizer; it only gets smaller.
//
//   thread sanitizer   It slows atomics 5 to 15 times and keeps state for every live fiber; clang's dies
//                      above 32,000 of them, so no test has more than `max_live_fibers` alive at once.
//   address sanitizer  Slows code 2 to 3 times; every fiber's stack has shadow memory, and its quarantine
//                      keeps freed memory, so resident memory says nothing about the runtime.
//   WEFT_TEST_FULL=1   Sizes too long for CI.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <string_view>

namespace weft::testing_support {

#if defined(__SANITIZE_THREAD__)
inline constexpr bool thread_sanitizer = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
inline constexpr bool thread_sanitizer = true;
#else
inline constexpr bool thread_sanitizer = false;
#endif
#else
inline constexpr bool thread_sanitizer = false;
#endif

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool address_sanitizer = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool address_sanitizer = true;
#else
inline constexpr bool address_sanitizer = false;
#endif
#else
inline constexpr bool address_sanitizer = false;
#endif

inline constexpr bool sanitizer = thread_sanitizer || address_sanitizer;

/// `release_n`, or `sanitizer_n` under a sanitizer.
template <class T>
constexpr T scaled(T release_n, T sanitizer_n) noexcept {
  return sanitizer ? sanitizer_n : release_n;
}

/// Fibers that may be alive at once.
inline constexpr std::size_t max_live_fibers = sanitizer ? 10'000 : 1'000'000;

/// How long a test case may take before the watchdog ends the program.
inline constexpr std::chrono::seconds case_limit{sanitizer ? 240 : 60};

/// WEFT_TEST_FULL=1: run the sizes that are too long for CI.
inline bool full() noexcept {
  const char* value = std::getenv("WEFT_TEST_FULL");
  return value != nullptr && std::string_view(value) == "1";
}

}  // namespace weft::testing_support
