// SPDX-License-Identifier: Apache-2.0
// Where descriptors live. Type-stable: their memory is made once and used again, never given back, so that an event
// that comes too late may still look at the descriptor it names (and find that it is another one now).
//
// Chunks double in size (64, 128, ...): an index finds its descriptor with two shifts, without a lock and without a
// table that would have to move. A chunk's memory is touched as its descriptors are first used.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

#include <weft/detail/spinlock.hpp>

namespace weft::inline v0::netpoll {

class descriptor;

class slab {
 public:
  constexpr slab() noexcept = default;
  slab(const slab&) = delete;
  slab& operator=(const slab&) = delete;

  /// One that nobody uses: the one given back last (its cache lines are warm). Null if there is no memory.
  [[nodiscard]] descriptor* take() noexcept;
  /// Back: nobody uses it, but for late events.
  void give_back(descriptor* d) noexcept;
  /// Null if there never was one.
  [[nodiscard]] descriptor* at(std::uint32_t index) noexcept;

  /// Every descriptor there is, used or not.
  template <class F>
  void for_each(F f) noexcept {
    const std::uint32_t n = made_.load(std::memory_order_acquire);
    for (std::uint32_t i = 0; i < n; ++i) f(*at(i));
  }

 private:
  static constexpr unsigned first_bits = 6;
  static constexpr unsigned chunks = 32 - first_bits;

  struct place {
    unsigned chunk;
    std::uint32_t offset;
  };
  static constexpr place find(std::uint32_t index) noexcept {
    const std::uint32_t n = (index >> first_bits) + 1;
    const std::uint32_t before = std::bit_floor(n) - 1;  // descriptors in the chunks before it, in units of the first
    return {static_cast<unsigned>(std::bit_width(n)) - 1, index - (before << first_bits)};
  }

  std::array<std::atomic<descriptor*>, chunks> chunk_{};
  std::atomic<std::uint32_t> made_{0};
  detail::spinlock lock_;
  descriptor* free_ = nullptr;
};

/// The one slab of the process.
[[nodiscard]] slab& descriptors() noexcept;

}  // namespace weft::inline v0::netpoll
