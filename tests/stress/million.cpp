// SPDX-License-Identifier: Apache-2.0
// Very many parked fibers, each on a stack with a guard: within 5 KiB of memory each and far from the
// kernel's limit of mappings; then all are woken and end.
#include <doctest/doctest.h>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

#include <weft/weft.hpp>

#include "tests/support/eventually.hpp"
#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using weft::testing_support::eventually;
using weft::testing_support::run;
using weft::testing_support::sanitizer;
using weft::testing_support::scaled;

namespace {

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t size = 0;
  std::size_t resident = 0;
  statm >> size >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

long mappings() {
  std::ifstream maps("/proc/self/maps");
  long lines = 0;
  for (std::string line; std::getline(maps, line);) ++lines;
  return lines;
}

long max_mappings() {
  std::ifstream file("/proc/sys/vm/max_map_count");
  long n = 0;
  file >> n;
  return n;
}

/// Whether the kernel can read the byte at `address`.
bool readable(int scratch_file, std::uintptr_t address) {
  return ::syscall(SYS_pwrite64, scratch_file, address, 1, 0) == 1;
}

/// Whether the memory just below the calling fiber's stack is out of bounds. (The stack's own end is not
/// touched: that would commit it.)
bool guarded(int scratch_file) {
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  const auto end = here - weft::this_fiber::stack_remaining();
  return !readable(scratch_file, end - 4096);
}

}  // namespace

TEST_CASE("stress/million: parked fibers" * doctest::timeout(600)) {
  const std::size_t count = weft::testing_support::full()
                                ? std::min<std::size_t>(1'000'000, weft::testing_support::max_live_fibers)
                                : scaled<std::size_t>(100'000, 10'000);
  const int scratch = ::memfd_create("scratch", MFD_CLOEXEC);
  run([&] {
    weft::chan<int> gate;
    std::atomic<std::size_t> started{0};
    std::atomic<std::size_t> ended{0};
    std::atomic<std::size_t> unguarded{0};

    const std::size_t before = resident_bytes();
    for (std::size_t i = 0; i < count; ++i) {
      weft::go([&, gate, i]() mutable {
        if (i % 1000 == 0 && !guarded(scratch)) ++unguarded;
        ++started;
        CHECK(gate.recv().error() == weft::errc::closed);
        ++ended;
      });
    }
    CHECK(eventually([&] { return started == count; }, std::chrono::seconds(300)));
    const std::size_t grown = resident_bytes() - before;
    CHECK(weft::num_fibers() == count + 1);
    CHECK(unguarded == 0);
    CHECK(mappings() < max_mappings() / 2);
    std::printf("%zu parked fibers: %zu bytes of memory each, %ld mappings\n", count, grown / count, mappings());
    if (!sanitizer) CHECK(grown / count <= 5 * 1024);

    gate.close();
    CHECK(eventually([&] { return ended == count; }, std::chrono::seconds(120)));
    CHECK(eventually([&] { return weft::num_fibers() == 1; }));
  });
  ::close(scratch);
}

// Stacks are used again: waves of fibers cost what one wave costs.
TEST_CASE("stress/million: waves") {
  run([&] {
    constexpr int wave = scaled(10'000, 2'000);
    std::size_t after_first = 0;
    std::size_t after_last = 0;
    for (int w = 0; w < 10; ++w) {
      weft::chan<int> gate;
      weft::wait_group all;
      for (int i = 0; i < wave; ++i) all.go([gate]() mutable { (void)gate.recv(); });
      gate.close();
      all.wait();
      CHECK(eventually([] { return weft::num_fibers() == 1; }));
      (w == 0 ? after_first : after_last) = resident_bytes();
    }
    // Not all of the first wave parks at once, so later ones may use some more stacks; not ten times more.
    if (!sanitizer) CHECK(after_last < after_first + std::size_t{wave} * 5 * 1024);
  });
}
