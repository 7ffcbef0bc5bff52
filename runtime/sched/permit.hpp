// SPDX-License-Identifier: Apache-2.0
// The park permit: how a fiber that is about to park and the one waker it will get agree on who puts it
// on a run queue, although the waker may come before the fiber has left its stack.
//
//   fiber                                  waker (exactly one a wait: who won ticket::claim)
//   F1 consume(): notified already? go on  W1 notify(): exchange to `notified`
//   F2 leave the stack                     W2 it was `parked`: enqueue the fiber
//   F3 (on the other side) commit_park():     it was `none`: nothing, F1 or F3 will see it
//      CAS none -> parked; if it fails,
//      the waker was here: enqueue it
//
// Whoever comes second enqueues. The waker never waits for the fiber to leave its stack, and no lock is
// held over the switch. F3's CAS releases the fiber's saved context; W1 acquires it before W2, and what
// the waker wrote (the received value) is released by W1 and acquired by F1 or F3.
//
// The word is 0 again before the next wait starts: F1 and F3 reset it when they consume; after W2 the
// waker does, *before* it enqueues, when nobody else can look at it.
//
// Model: tests/model/spin/park.pml, tests/model/relacy (this header).
#pragma once

#include <cstdint>

#include "runtime/os/atomic.hpp"

namespace weft::inline v0::rt {

/// Steps on a permit word that lives in detail::parker. `Word` is an atomic of std::uint32_t.
template <class Word>
struct park_permit {
  static constexpr std::uint32_t none = 0;
  static constexpr std::uint32_t parked = 1;
  static constexpr std::uint32_t notified = 2;

  /// F1. True: the waker was here; do not park.
  static bool consume(Word& w) {
    if (w.load(acquire) != notified) return false;
    w.store(none, relaxed);
    return true;
  }
  /// F3. True: parked, do not touch the fiber any more. False: enqueue it.
  static bool commit_park(Word& w) {
    std::uint32_t expected = none;
    if (w.compare_exchange_strong(expected, parked, acq_rel, acquire)) return true;
    w.store(none, relaxed);
    return false;
  }
  /// W1. True: it was parked; enqueue it.
  static bool notify(Word& w) {
    if (w.exchange(notified, acq_rel) != parked) return false;
    w.store(none, relaxed);
    return true;
  }
};

}  // namespace weft::inline v0::rt
