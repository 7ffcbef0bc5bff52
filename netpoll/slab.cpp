// SPDX-License-Identifier: Apache-2.0
#include "netpoll/slab.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <new>

#include "netpoll/descriptor.hpp"

namespace weft::inline v0::netpoll {

namespace {

constinit slab all_descriptors;

}  // namespace

slab& descriptors() noexcept {
  return all_descriptors;
}

descriptor* slab::at(std::uint32_t index) noexcept {
  // Acquire: what take() built is seen by who learnt of the index in any way, an event included.
  if (index >= made_.load(std::memory_order_acquire)) return nullptr;
  const place p = find(index);
  return chunk_[p.chunk].load(std::memory_order_relaxed) + p.offset;
}

descriptor* slab::take() noexcept {
  std::unique_lock hold(lock_);
  if (free_ != nullptr) {
    descriptor* d = free_;
    free_ = d->next_free_;
    return d;
  }
  const std::uint32_t index = made_.load(std::memory_order_relaxed);
  const place p = find(index);
  if (chunk_[p.chunk].load(std::memory_order_relaxed) == nullptr) {
    // Allocated outside the lock, which is a spinlock. Two may do so; the second gives its memory back.
    hold.unlock();
    const std::size_t bytes = sizeof(descriptor) << (first_bits + p.chunk);
    void* memory = ::operator new(bytes, std::align_val_t(alignof(descriptor)), std::nothrow);
    if (memory == nullptr) return nullptr;
    descriptor* expected = nullptr;
    if (!chunk_[p.chunk].compare_exchange_strong(expected, static_cast<descriptor*>(memory), std::memory_order_acq_rel,
                                                 std::memory_order_acquire)) {
      ::operator delete(memory, std::align_val_t(alignof(descriptor)));
    }
    return take();
  }
  descriptor* d = std::construct_at(chunk_[p.chunk].load(std::memory_order_acquire) + p.offset, index);
  made_.store(index + 1, std::memory_order_release);
  return d;
}

void slab::give_back(descriptor* d) noexcept {
  std::lock_guard hold(lock_);
  d->next_free_ = free_;
  free_ = d;
}

}  // namespace weft::inline v0::netpoll
