// SPDX-License-Identifier: Apache-2.0
// Sleeping on a word.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace weft::inline v0::rt::os {

/// Sleeps while `word` is `expected`, until woken or the deadline (time_point::max(): none). May return
/// for no reason; the caller looks at the word again. Returns false if the deadline has passed.
bool futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max()) noexcept;

/// Wakes up to `n` sleepers. The word may be gone already: only its address is used.
void futex_wake(const std::atomic<std::uint32_t>* word, int n) noexcept;

}  // namespace weft::inline v0::rt::os
