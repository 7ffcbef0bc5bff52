// SPDX-License-Identifier: Apache-2.0
// Which sanitizer this is built with, as constants and as WEFT_ASAN / WEFT_TSAN (0 or 1).
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define WEFT_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(WEFT_ASAN)
#define WEFT_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__) && !defined(WEFT_TSAN)
#define WEFT_TSAN 1
#endif
#ifndef WEFT_ASAN
#define WEFT_ASAN 0
#endif
#ifndef WEFT_TSAN
#define WEFT_TSAN 0
#endif

namespace weft::inline v0::rt::os {

inline constexpr bool sanitized = WEFT_ASAN || WEFT_TSAN;
/// ThreadSanitizer runs a thread of its own.
inline constexpr int sanitizer_threads = WEFT_TSAN ? 1 : 0;

}  // namespace weft::inline v0::rt::os
