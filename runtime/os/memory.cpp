// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/memory.hpp"

#include <cstdio>

#include <sys/mman.h>
#include <unistd.h>

#include "runtime/os/fallback.hpp"

namespace weft::inline v0::rt::os {

namespace {
constexpr int madv_guard_install = 102;  // newer than Debian 12's headers
}

std::size_t page_size() noexcept {
  static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

void* reserve(std::size_t size) noexcept {
  void* base =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (base == MAP_FAILED) return nullptr;
  // A huge page under a stack's top would cost 2 MiB a fiber on hosts where they are always on.
  ::madvise(base, size, MADV_NOHUGEPAGE);
  return base;
}

void unreserve(void* base, std::size_t size) noexcept {
  ::munmap(base, size);
}

void discard(void* base, std::size_t size) noexcept {
  ::madvise(base, size, MADV_DONTNEED);
}

bool install_guards(const range* ranges, std::size_t n) noexcept {
  if (forced(fallback::guard_install)) return false;
  for (std::size_t i = 0; i < n; ++i) {
    if (::madvise(ranges[i].base, ranges[i].size, madv_guard_install) != 0) return false;
  }
  return true;
}

bool protect_guard(range r) noexcept {
  return !forced(fallback::guard_mprotect) && ::mprotect(r.base, r.size, PROT_NONE) == 0;
}

std::size_t max_map_count() noexcept {
  std::size_t count = 65530;
  if (std::FILE* f = std::fopen("/proc/sys/vm/max_map_count", "re")) {
    if (std::fscanf(f, "%zu", &count) != 1) count = 65530;
    std::fclose(f);
  }
  return count;
}

}  // namespace weft::inline v0::rt::os
