// SPDX-License-Identifier: Apache-2.0
// A P's run queue: a ring of N with a `next` slot in front. One owner (whoever holds P) pushes and
// pops; anybody steals. FIFO for owner and thieves alike, as in Go: what makes a queue fair is that
// nobody takes from its young end.
//
// Indices run freely and wrap; `tail - head` is the length. The owner alone writes `tail`, the slots
// and non-null values of `next`; owner and thieves move `head` by CAS and take `next` by exchange/CAS.
//
// Memory orders:
//   * push: slot store (relaxed), then tail RMW (seq_cst, which releases): pairs with the thief's
//     acquire load of tail, so the slot and all the spawner wrote are visible. seq_cst because the
//     submitter next loads the idle word: sched/idle.hpp has the argument. An exchange on the owner's
//     own line rather than a fence, so that TSan and relacy see it.
//   * thief: copies slots *before* its CAS of head (acq_rel). A slot may be overwritten meanwhile by
//     the owner, but only after head has moved, so then the CAS fails and the copy is dropped. Slots
//     are therefore atomics, not plain memory. The release half of the CAS orders the copy before the
//     owner's acquire load of head in push: a slot is reused only after it was read.
//   * the 32-bit indices could repeat during one grab only after 2^32 operations.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/os/atomic.hpp"

namespace weft::inline v0::rt {

template <class T, std::uint32_t N = 256>
class runq {
  static_assert((N & (N - 1)) == 0 && N >= 4, "the ring's size is a power of two");

 public:
  static constexpr std::uint32_t capacity = N;
  /// What an overflow takes out: half the ring, and the item that found it full.
  static constexpr std::uint32_t overflow_batch = N / 2 + 1;

  /// Tests start the indices near the wrap.
  explicit runq(std::uint32_t start = 0) : head_(start), tail_(start), next_(nullptr) {
    for (auto& s : slots_) s.store(nullptr, relaxed);
  }

  /// Owner. Appends; if the ring is full, fills `overflow` with overflow_batch items for the global
  /// queue (oldest first) and returns their number; else 0.
  std::uint32_t push(T* item, T** overflow) {
    for (;;) {
      const std::uint32_t head = head_.load(acquire);
      const std::uint32_t tail = tail_.load(relaxed);
      if (tail - head < N) {
        slots_[tail % N].store(item, relaxed);
        tail_.exchange(tail + 1, seq_cst);
        return 0;
      }
      for (std::uint32_t i = 0; i < N / 2; ++i) overflow[i] = slots_[(head + i) % N].load(relaxed);
      std::uint32_t expected = head;
      if (head_.compare_exchange_strong(expected, head + N / 2, acq_rel, relaxed)) {
        overflow[N / 2] = item;
        return overflow_batch;
      }
      // A thief made room meanwhile.
    }
  }

  /// Owner. Puts `item` in front of all others; the one it displaces, if any, is returned and must be pushed.
  T* push_next(T* item) { return next_.exchange(item, seq_cst); }

  /// Owner. The item in `next`, or null.
  T* pop_next() {
    if (next_.load(relaxed) == nullptr) return nullptr;
    return next_.exchange(nullptr, acq_rel);
  }

  /// Owner. The oldest item of the ring, or null.
  T* pop() {
    std::uint32_t head = head_.load(acquire);
    for (;;) {
      const std::uint32_t tail = tail_.load(relaxed);
      if (tail == head) return nullptr;
      T* item = slots_[head % N].load(relaxed);
      if (head_.compare_exchange_strong(head, head + 1, acq_rel, acquire)) return item;
    }
  }

  /// Owner. The item `distance` places behind the ring's head, for prefetching; may be stale or null.
  T* peek(std::uint32_t distance) const { return slots_[(head_.load(relaxed) + distance) % N].load(relaxed); }

  /// Owner of `*this`, which must be empty but for `next`. Takes half of the victim's ring (rounded up),
  /// puts all but one at the end of its own and returns that one, the youngest; null if there was nothing.
  /// `moved` is set to the number taken.
  T* steal_from(runq& victim, std::uint32_t& moved) {
    const std::uint32_t tail = tail_.load(relaxed);
    moved = 0;
    for (;;) {
      const std::uint32_t from = victim.head_.load(acquire);
      const std::uint32_t to = victim.tail_.load(acquire);
      std::uint32_t n = to - from;
      n -= n / 2;
      if (n == 0) return nullptr;
      if (n > N / 2) continue;  // head and tail were read at different times
      for (std::uint32_t i = 0; i < n; ++i) {
        slots_[(tail + i) % N].store(victim.slots_[(from + i) % N].load(relaxed), relaxed);
      }
      std::uint32_t expected = from;
      if (!victim.head_.compare_exchange_strong(expected, from + n, acq_rel, relaxed)) continue;
      moved = n;
      T* item = slots_[(tail + n - 1) % N].load(relaxed);
      if (n > 1) tail_.exchange(tail + n - 1, seq_cst);
      return item;
    }
  }

  /// Anybody. Takes what is in `next`, or null.
  T* steal_next() {
    T* item = next_.load(acquire);
    if (item == nullptr) return nullptr;
    if (next_.compare_exchange_strong(item, nullptr, acq_rel, relaxed)) return item;
    return nullptr;
  }

  /// Anybody. False only if there was an instant at which all of it was empty. seq_cst loads: this is
  /// what an M about to sleep re-checks with.
  bool empty() const {
    for (;;) {
      const std::uint32_t head = head_.load(seq_cst);
      const std::uint32_t tail = tail_.load(seq_cst);
      const bool next = next_.load(seq_cst) != nullptr;
      // An item that moves from `next` to the ring between the loads would be missed: look again.
      if (tail == tail_.load(seq_cst)) return head == tail && !next;
    }
  }

  /// Anybody; a moment's value.
  std::uint32_t size() const {
    return tail_.load(relaxed) - head_.load(relaxed) + (next_.load(relaxed) != nullptr ? 1 : 0);
  }
  /// Anybody. Changes whenever something is taken out.
  std::uint64_t fingerprint() const {
    return static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(next_.load(relaxed))) ^
           static_cast<std::uint64_t>(head_.load(relaxed)) << 32;
  }
  bool has_next() const { return next_.load(relaxed) != nullptr; }

 private:
  // Thieves write head, the owner writes tail and next: on lines of their own, or each steal would take
  // the owner's line away.
  alignas(64) atomic<std::uint32_t> head_;
  alignas(64) atomic<std::uint32_t> tail_;
  atomic<T*> next_;
  alignas(64) atomic<T*> slots_[N];
};

}  // namespace weft::inline v0::rt
