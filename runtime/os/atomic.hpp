// SPDX-License-Identifier: Apache-2.0
// The atomics of all lock-free code. Shipped code gets the standard ones; a model checker's build defines
// WEFT_ATOMIC_BACKEND as a header that supplies its own rt::atomic, so that what is checked is what ships.
//
// Use only: load, store, exchange, compare_exchange_strong/weak, fetch_add, fetch_sub, fetch_or, fetch_and,
// each with explicit orders. No fences: neither ThreadSanitizer nor relacy sees happens-before through them;
// a point that must be sequentially consistent is a read-modify-write (see sched/idle.hpp).
#pragma once

#ifdef WEFT_ATOMIC_BACKEND
#include WEFT_ATOMIC_BACKEND
#else

#include <atomic>

namespace weft::inline v0::rt {

template <class T>
using atomic = std::atomic<T>;

inline constexpr auto relaxed = std::memory_order_relaxed;
inline constexpr auto acquire = std::memory_order_acquire;
inline constexpr auto release = std::memory_order_release;
inline constexpr auto acq_rel = std::memory_order_acq_rel;
inline constexpr auto seq_cst = std::memory_order_seq_cst;

}  // namespace weft::inline v0::rt

#endif
