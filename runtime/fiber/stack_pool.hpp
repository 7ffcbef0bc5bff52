// SPDX-License-Identifier: Apache-2.0
// Stacks with their Gs: carved out of large reserved pieces, pooled by size class, never freed while the
// run is on.
//
// A slot, low to high:   [ guard | usable stack ... | G ]
//
// The stack grows down from the G, so a parked fiber that used little touches one page, which holds the G
// and its frames. The G's place in that page is coloured (different cache sets), because slots are a
// power-of-two stride apart and would all fall on the same few sets.
//
// Guards: MADV_GUARD_INSTALL costs no mapping, so a million guarded stacks fit into one. Where it is
// missing: mprotect, two mappings a guard, up to a budget below vm.max_map_count; then none, but a canary
// word that is checked whenever the fiber switches. The second and third rung say so once on stderr.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "runtime/fiber/g.hpp"

namespace weft::inline v0::rt {

class stack_pool {
 public:
  static constexpr int min_class_log2 = 14;  // 16 KiB
  static constexpr int classes = 17;         // up to 1 GiB
  static constexpr std::size_t max_size = std::size_t{1} << (min_class_log2 + classes - 1);

  /// The class whose usable size is at least `size`; -1 if there is none.
  static int class_of(std::size_t size) noexcept;
  static std::size_t class_size(int cls) noexcept { return std::size_t{1} << (min_class_log2 + cls); }

  ~stack_pool();

  /// Up to `n` dead Gs of the class; fewer, down to 0, if memory is short. Thread-safe.
  std::size_t get(int cls, G** out, std::size_t n) noexcept;
  /// Takes dead Gs back. Thread-safe; does not allocate.
  void put(int cls, G* const* gs, std::size_t n) noexcept;

  /// Gives memory of up to `n` stacks that have lain here since the last call back to the kernel.
  /// Returns how many remain to be looked at.
  std::size_t trim(std::size_t n) noexcept;

  /// Slots ever carved: no more fibers than this can exist. Thread-safe.
  std::size_t slots() const noexcept { return slots_.load(std::memory_order_relaxed); }

  /// Calls `f` for every G ever made, in any state. Thread-safe; new ones may be missed.
  void for_each(const std::function<void(G&)>& f);

  enum class guards : std::uint8_t { installed, protected_pages, canary };
  /// How the newest guards were made.
  guards guard_kind() const noexcept { return kind_; }

 private:
  struct piece {
    char* base;
    std::size_t size;
    std::size_t slots;
    std::size_t carved;
    std::size_t guarded;  // slots whose guard has been made, a little ahead of `carved`
  };
  struct size_class {
    std::mutex lock;
    std::vector<piece> pieces;
    std::vector<G*> hot;   // dead, memory still there
    std::vector<G*> cold;  // dead, memory given back
  };

  bool carve(int cls, size_class& c, std::size_t n) noexcept;
  bool grow(int cls, size_class& c) noexcept;
  bool make_guards(int cls, piece& p, std::size_t n) noexcept;
  G* make_g(int cls, const piece& p, std::size_t slot) noexcept;
  static std::size_t guard_size(int cls) noexcept;
  static std::size_t stride(int cls) noexcept;

  size_class classes_[classes];
  std::atomic<std::size_t> slots_{0};
  std::atomic<guards> kind_{guards::installed};
  std::atomic<std::size_t> protected_{0};
};

/// Whether the canary of a stack without a guard is intact (true for all others).
bool canary_intact(const G& g) noexcept;

}  // namespace weft::inline v0::rt
