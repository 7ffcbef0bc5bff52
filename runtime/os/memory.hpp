// SPDX-License-Identifier: Apache-2.0
// Address space for stacks.
#pragma once

#include <cstddef>

namespace weft::inline v0::rt::os {

std::size_t page_size() noexcept;

/// Reserves `size` bytes that read as zeros and are committed on first touch, with no huge pages; null if refused.
void* reserve(std::size_t size) noexcept;
void unreserve(void* base, std::size_t size) noexcept;
/// Gives the memory back to the kernel; the range reads as zeros afterwards.
void discard(void* base, std::size_t size) noexcept;

struct range {
  void* base;
  std::size_t size;
};
/// Makes the ranges fault on any access, without splitting the mapping (Linux >= 6.13). False: not possible here.
bool install_guards(const range* ranges, std::size_t n) noexcept;
/// The same by page protection; each guard may cost two mappings of vm.max_map_count. False if refused.
bool protect_guard(range r) noexcept;
/// vm.max_map_count, or its default if it cannot be read.
std::size_t max_map_count() noexcept;

}  // namespace weft::inline v0::rt::os
