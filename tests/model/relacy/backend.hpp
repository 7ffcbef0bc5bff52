// SPDX-License-Identifier: Apache-2.0
// WEFT_ATOMIC_BACKEND for relacy: the shipping headers, compiled against rl::atomic.
//
// What relacy wants and std::atomic doesn't: the place of each access (taken from the caller with
// std::source_location, so that a trace names lines of the shipping header) and rl::memory_order.
#pragma once

// relacy redefines new, free, errno, memory_order_* and more as macros: everything standard goes before it.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <new>
#include <source_location>
#include <string_view>
#include <system_error>
#include <type_traits>

// Its loads may return at most this many stores ago (random search; the tree searches look one store back).
#define atomic_history_size relacy_default_history_size
#include <relacy/base.hpp>
#undef atomic_history_size
namespace rl {
inline constexpr std::size_t atomic_history_size = 8;
}
#include <relacy/relacy.hpp>

#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef assert
#undef errno
#undef VAR
#undef memory_order_relaxed
#undef memory_order_consume
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_acq_rel
#undef memory_order_seq_cst

namespace model {

inline rl::debug_info place(const std::source_location& at) {
  return {at.function_name(), at.file_name(), at.line()};
}

#define MODEL_HERE ::model::place(std::source_location::current())
#define MODEL_CHECK(condition) RL_ASSERT(condition)

#ifdef MODEL_SLOT_READS
// relacy runs a thread's accesses in program order, so a load that a missing release lets sink below a later
// CAS cannot be seen to go wrong. What can be seen is that nothing orders them. A load of a pointer is noted;
// a CAS that succeeds keeps what its thread has noted, one that fails drops it (the copy is thrown away).
// A later store to the same place must be ordered after each load that was kept.
struct slot_reads {
  struct read {
    const void* where;
    rl::timestamp_t when;
  };
  static constexpr unsigned max = 64;
  read noted[MODEL_SLOT_READS][max];
  unsigned notes[MODEL_SLOT_READS];
  read kept[MODEL_SLOT_READS][max];
  unsigned keeps[MODEL_SLOT_READS];

  static auto& me() { return static_cast<rl::thread_info<MODEL_SLOT_READS>&>(*rl::ctx().threadx_); }
  void clear() {
    for (auto& n : notes) n = 0;
    for (auto& k : keeps) k = 0;
  }
  void load(const void* where) {
    auto& t = me();
    noted[t.index_][notes[t.index_]++ % max] = {where, t.own_acq_rel_order_};
  }
  void cas(bool ok) {
    const auto t = me().index_;
    for (unsigned i = 0; ok && i < notes[t]; ++i) kept[t][keeps[t]++ % max] = noted[t][i];
    notes[t] = 0;
  }
  void store(const void* where) {
    auto& w = me();
    for (unsigned t = 0; t < MODEL_SLOT_READS; ++t) {
      for (unsigned i = 0; i < keeps[t]; ++i) {
        if (kept[t][i].where == where && static_cast<int>(t) != w.index_) {
          RL_ASSERT(w.acq_rel_order_[t] >= kept[t][i].when && "a slot is reused before its reader is done");
        }
      }
    }
  }
};
inline slot_reads slots;
#define MODEL_NOTE(call) (::model::slots.call)
#else
#define MODEL_NOTE(call) ((void)0)
#endif

template <class T>
class atomic {
  static constexpr bool is_pointer = std::is_pointer_v<T>;

 public:
  using where = std::source_location;
  static constexpr rl::memory_order seq = rl::mo_seq_cst;

  atomic() = default;
  atomic(T v) : a_(v) {}
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;

  T load(rl::memory_order mo = seq, where at = where::current()) const {
    const T v = a_.load(mo, place(at));
    if constexpr (is_pointer) MODEL_NOTE(load(this));
    return v;
  }
  void store(T v, rl::memory_order mo = seq, where at = where::current()) {
    if constexpr (is_pointer) MODEL_NOTE(store(this));
    a_.store(v, mo, place(at));
  }
  T exchange(T v, rl::memory_order mo = seq, where at = where::current()) { return a_(place(at)).exchange(v, mo); }
  T fetch_add(T v, rl::memory_order mo = seq, where at = where::current()) { return a_(place(at)).fetch_add(v, mo); }
  T fetch_sub(T v, rl::memory_order mo = seq, where at = where::current()) { return a_(place(at)).fetch_sub(v, mo); }
  T fetch_or(T v, rl::memory_order mo = seq, where at = where::current()) { return a_(place(at)).fetch_or(v, mo); }
  T fetch_and(T v, rl::memory_order mo = seq, where at = where::current()) { return a_(place(at)).fetch_and(v, mo); }

  bool compare_exchange_strong(T& expected, T v, rl::memory_order ok, rl::memory_order fail,
                               where at = where::current()) {
    const bool done = a_(place(at)).compare_exchange_strong(expected, v, ok, fail);
    if constexpr (!is_pointer) MODEL_NOTE(cas(done));
    return done;
  }
  // Fails spuriously in the random search only: in the tree searches it would double the tree for each call
  // and only take a loop once more round.
  bool compare_exchange_weak(T& expected, T v, rl::memory_order ok, rl::memory_order fail,
                             where at = where::current()) {
    const auto a = a_(place(at));
    return rl::ctx().is_random_sched() ? mutable_(a).compare_exchange_weak(expected, v, ok, fail)
                                       : mutable_(a).compare_exchange_strong(expected, v, ok, fail);
  }

 private:
  static rl::atomic_proxy<T>& mutable_(const rl::atomic_proxy<T>& a) { return const_cast<rl::atomic_proxy<T>&>(a); }
  rl::atomic<T> a_;
};

}  // namespace model

namespace weft::inline v0::rt {

template <class T>
using atomic = model::atomic<T>;

inline constexpr rl::memory_order relaxed = rl::mo_relaxed;
inline constexpr rl::memory_order acquire = rl::mo_acquire;
inline constexpr rl::memory_order release = rl::mo_release;
inline constexpr rl::memory_order acq_rel = rl::mo_acq_rel;
inline constexpr rl::memory_order seq_cst = rl::mo_seq_cst;

}  // namespace weft::inline v0::rt
