// SPDX-License-Identifier: Apache-2.0
// The idle protocol: who wakes whom, and why no runnable fiber is left beside an idle P.
//
// One word carries the argument: {idle Ps, searchers, need_search}. A *searcher* is an M with a P and
// nothing to run that looks for work in other Ps' queues. An idle P belongs to nobody. A mask of bits
// (idle_mask) only helps to find an idle P that the word says exists.
//
//   SUBMIT (a fiber became runnable)             IDLE (an M with P found nothing)
//   S1  publish: seq_cst RMW on own tail/next    I1  set P's mask bit
//       (or on the global queue's size)          I2  seq_cst RMW on the word: searchers-1 (if it was
//   S2  load the word (seq_cst)                      one), idle+1
//   S3  no idle P, or somebody searches: done    I3  re-check with seq_cst loads: global queue, all
//   S4  else CAS idle-1, searchers+1; take a         rings and nexts, all timers, the poller
//       mask bit; wake an M with that P          I4  found: claim as in S4; none idle: set need_search
//                                                I5  sleep
//
// Lost wake-ups are impossible: S1, S2, I2 and I3 are all seq_cst, so they stand in one total order S.
// If S1 precedes I3 in S, I3 sees the item. If not, I3 precedes S1 precedes S2, so S2 sees I2's idle P.
// Then either no searcher is counted and the submitter wakes one (S4), or one is counted whose own I2 is
// still to come, and whose I3 will then see the item. Release/acquire would not do: it lets S2 read the
// word from before I2 while I3 reads the queue from before S1 (store buffering), and both go home.
//
// A searcher that finds work stops searching (seq_cst RMW: searchers-1). If it was the last, it re-checks as
// in I3 and, if it sees more work, wakes a successor as in S4: searchers ramp up one at a time, and an item
// whose submitter relied on this searcher (S3) is seen here by the same argument as above.
//
// need_search (Go #45867): I3 found work, but no P is idle any more to run it with. All Ps are then
// held by Ms that might all be at I1, having looked before the item came. So the flag is left in the
// word, and the next M at I2 finds it there and searches again instead of idling. CAS on one word makes
// "no idle P" and "flag set" one step.
//
// The submitter counts itself a searcher for the M it wakes (S4) *before* the wake, so that a burst of
// submits wakes one M, not a herd; and it claims the P before the wake, so a woken M never finds that
// its P is gone (tokio #8056: counting a sleeper that somebody has woken already).
//
// Rejected: checking "searchers == 0" with a load and incrementing later (wakes a herd); waking an M
// without a P (it may find all Ps taken: a wasted wake, and a lost one if the taker was about to idle);
// membarrier on the idle side instead of the RMW in S1 (nothing gained at submit, idling 8 times dearer).
//
// Models: tests/model/idle.pml (Spin), tests/model/relacy/idle.cpp (this header).
#pragma once

#include <cstdint>

#include "runtime/os/atomic.hpp"

namespace weft::inline v0::rt {

class idle_state {
 public:
  struct counts {
    std::uint32_t idle;
    std::uint32_t searchers;
    bool need_search;
  };

  explicit idle_state(std::uint64_t initial = 0) : word_(initial) {}

  /// S2, S3: should the submitter try to wake somebody?
  bool wake_wanted() const {
    const std::uint64_t w = word_.load(seq_cst);
    return idle_of(w) != 0 && searchers_of(w) == 0;
  }

  /// S4. True: an idle P and a searcher are claimed; the caller must take a mask bit and wake an M with it.
  bool claim_for_wake() {
    std::uint64_t w = word_.load(seq_cst);
    while (idle_of(w) != 0 && searchers_of(w) == 0) {
      if (word_.compare_exchange_weak(w, w - one_idle + one_searcher, seq_cst, seq_cst)) return true;
    }
    return false;
  }

  /// An idle P for the caller itself (back from a blocking call, from the poller with events).
  bool claim(bool as_searcher) {
    std::uint64_t w = word_.load(seq_cst);
    while (idle_of(w) != 0) {
      if (word_.compare_exchange_weak(w, w - one_idle + (as_searcher ? one_searcher : 0), seq_cst, seq_cst))
        return true;
    }
    return false;
  }

  /// I2. False: need_search was set; the caller is now (or still) a searcher and keeps a P: it must take a
  /// mask bit back (any: bits are interchangeable, see idle_mask) and search again.
  bool enter(bool searching) {
    std::uint64_t w = word_.load(seq_cst);
    for (;;) {
      if ((w & need_search_bit) != 0) {
        const std::uint64_t to = (w & ~need_search_bit) + (searching ? 0 : one_searcher);
        if (word_.compare_exchange_weak(w, to, seq_cst, seq_cst)) return false;
      } else {
        const std::uint64_t to = w + one_idle - (searching ? one_searcher : 0);
        if (word_.compare_exchange_weak(w, to, seq_cst, seq_cst)) return true;
      }
    }
  }

  /// I4. True: as claim(true). False: no P is idle, need_search is set.
  bool claim_or_need_search() {
    std::uint64_t w = word_.load(seq_cst);
    for (;;) {
      if (idle_of(w) != 0) {
        if (word_.compare_exchange_weak(w, w - one_idle + one_searcher, seq_cst, seq_cst)) return true;
      } else if ((w & need_search_bit) != 0) {
        return false;
      } else if (word_.compare_exchange_weak(w, w | need_search_bit, seq_cst, seq_cst)) {
        return false;
      }
    }
  }

  /// A P-holder that found nothing of its own wants to search. Refused while half of the busy Ps search
  /// already: more would only fight over the same rings.
  bool begin_search(std::uint32_t nprocs) {
    std::uint64_t w = word_.load(seq_cst);
    for (;;) {
      if (2 * searchers_of(w) >= nprocs - idle_of(w)) return false;
      if (word_.compare_exchange_weak(w, (w + one_searcher) & ~need_search_bit, seq_cst, seq_cst)) return true;
    }
  }

  /// A searcher found work. True: it was the last one, so the caller must re-check and wake a successor if it sees
  /// work.
  bool end_search() {
    const std::uint64_t before = word_.fetch_sub(one_searcher, seq_cst);
    return searchers_of(before) == 1;
  }

  /// A claim that cannot be used (no thread could be made): the P, whose mask bit is set again, is idle once more. As
  /// after end_search(), the caller must look again: somebody may have relied on the searcher.
  void abandon(bool as_searcher) { word_.fetch_add(one_idle - (as_searcher ? one_searcher : 0), seq_cst); }

  counts load() const {
    const std::uint64_t w = word_.load(seq_cst);
    return {idle_of(w), searchers_of(w), (w & need_search_bit) != 0};
  }

 private:
  static constexpr std::uint64_t one_idle = 1;
  static constexpr std::uint64_t one_searcher = std::uint64_t{1} << 16;
  static constexpr std::uint64_t need_search_bit = std::uint64_t{1} << 32;
  static constexpr std::uint32_t idle_of(std::uint64_t w) { return static_cast<std::uint32_t>(w & 0xffff); }
  static constexpr std::uint32_t searchers_of(std::uint64_t w) {
    return static_cast<std::uint32_t>((w >> 16) & 0xffff);
  }

  alignas(64) atomic<std::uint64_t> word_;
};

/// Which Ps are idle. A bit is set before its P is counted idle, so there are never fewer bits than idle Ps
/// counted: whoever claimed one by the word finds one here. Bits are interchangeable; a claimer may get
/// another P than the one whose count it took.
template <std::uint32_t Words>
class idle_mask {
 public:
  idle_mask() {
    for (auto& w : words_) w.store(0, relaxed);
  }
  void set(std::uint32_t p) { words_[p / 64].fetch_or(std::uint64_t{1} << (p % 64), seq_cst); }

  /// Takes one bit, `preferred` if it is set; the caller has a claim, so there is one.
  std::uint32_t take(std::uint32_t preferred) {
    if (take_bit(preferred / 64, preferred % 64)) return preferred;
    for (;;) {
      for (std::uint32_t i = 0; i < Words; ++i) {
        std::uint64_t w = words_[i].load(seq_cst);
        while (w != 0) {
          const auto bit = static_cast<std::uint32_t>(__builtin_ctzll(w));
          if (take_bit(i, bit)) return i * 64 + bit;
          w = words_[i].load(seq_cst);
        }
      }
    }
  }
  bool test(std::uint32_t p) const { return (words_[p / 64].load(relaxed) >> (p % 64) & 1) != 0; }

 private:
  bool take_bit(std::uint32_t word, std::uint32_t bit) {
    const std::uint64_t mask = std::uint64_t{1} << bit;
    return (words_[word].load(relaxed) & mask) != 0 && (words_[word].fetch_and(~mask, seq_cst) & mask) != 0;
  }
  atomic<std::uint64_t> words_[Words];
};

}  // namespace weft::inline v0::rt
