// SPDX-License-Identifier: Apache-2.0
// The global run queue: for fibers made runnable by who has no P, and for what overflows a ring.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <vector>

#include "runtime/fiber/g.hpp"

namespace weft::inline v0::rt {

/// FIFO in a circular array of pointers (walking a list of cold Gs would cost a cache miss each). It never
/// grows in push(): reserve() is called when stacks are made, and a G is on one queue at most.
class global_queue {
 public:
  /// Room for `n` Gs in all. May throw bad_alloc.
  void reserve(std::size_t n) {
    std::lock_guard hold(lock_);
    if (n <= ring_.size()) return;
    std::vector<G*> larger(std::max(n, 2 * ring_.size()));
    const std::size_t count = size_.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < count; ++i) larger[i] = ring_[(head_ + i) % ring_.size()];
    ring_.swap(larger);
    capacity_.store(ring_.size(), std::memory_order_release);
    head_ = 0;
  }

  /// S1 of sched/idle.hpp: the size is published by a seq_cst RMW.
  void push(G* const* gs, std::size_t n) noexcept {
    std::lock_guard hold(lock_);
    const std::size_t count = size_.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < n; ++i) ring_[(head_ + count + i) % ring_.size()] = gs[i];
    size_.fetch_add(n, std::memory_order_seq_cst);
  }

  std::size_t pop(G** out, std::size_t n) noexcept {
    if (empty()) return 0;
    std::lock_guard hold(lock_);
    n = std::min(n, size_.load(std::memory_order_relaxed));
    for (std::size_t i = 0; i < n; ++i) out[i] = ring_[(head_ + i) % ring_.size()];
    if (n > 0) head_ = (head_ + n) % ring_.size();
    size_.fetch_sub(n, std::memory_order_seq_cst);
    taken_.store(taken_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    return n;
  }

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_.load(std::memory_order_acquire); }
  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
  /// How many were ever taken out.
  [[nodiscard]] std::uint64_t taken() const noexcept { return taken_.load(std::memory_order_relaxed); }
  /// I3 of sched/idle.hpp.
  [[nodiscard]] bool empty() const noexcept { return size_.load(std::memory_order_seq_cst) == 0; }

 private:
  std::mutex lock_;
  std::vector<G*> ring_;
  std::size_t head_ = 0;
  std::atomic<std::size_t> size_{0};
  std::atomic<std::uint64_t> taken_{0};
  std::atomic<std::size_t> capacity_{0};
};

}  // namespace weft::inline v0::rt
