// SPDX-License-Identifier: Apache-2.0
// Stacks: their sizes, what is left of them, and going over the end.
#include <doctest/doctest.h>

#include <signal.h>

#include <cstddef>
#include <cstdio>
#include <cstring>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"
#include "tests/support/subprocess.hpp"

using weft::testing_support::child;
using weft::testing_support::run;

namespace {

// Uses stack down to `left` bytes above its end and returns how deep it went. The frame is big enough
// that sanitizers' red zones don't change much.
__attribute__((noinline)) int descend(std::size_t left) {
  char frame[1024];
  std::memset(frame, 0x5a, sizeof frame);
  asm volatile("" : : "r"(frame) : "memory");  // or clang keeps one byte of it
  const int below = weft::this_fiber::stack_remaining() > left ? descend(left) : 0;
  asm volatile("" : : "r"(frame) : "memory");
  return below + (frame[17] == 0x5a ? 1 : -1'000'000);
}

// What the innermost call may need: the thread sanitizer's own functions run on the fiber's stack.
constexpr std::size_t reserve = weft::testing_support::scaled<std::size_t>(8, 32) * 1024;

// `limit` is 0; unknown to the compiler, so that it does not see that there is no end.
__attribute__((noinline)) int fall(volatile int* limit, int depth) {
  volatile char frame[512];
  frame[0] = static_cast<char>(depth);
  if (depth == *limit) return 0;
  return fall(limit, depth + 1) + frame[0];
}

}  // namespace

TEST_CASE("stack: sizes") {
  run([] {
    for (std::size_t size : {16u * 1024, 64u * 1024, 256u * 1024, 1024u * 1024, 16u * 1024 * 1024}) {
      weft::spawn(
          [size] {
            const auto left = weft::this_fiber::stack_remaining();
            CHECK(left > size - 4 * 1024);
            CHECK(left <= size + 64 * 1024);  // rounded up, the page with the closure may be extra
          },
          {.stack_size = size})
          .get();
    }
    // Rounded up.
    CHECK(weft::spawn([] { return weft::this_fiber::stack_remaining(); }, {.stack_size = 1}).get() > 12 * 1024);
    CHECK(weft::spawn([] { return weft::this_fiber::stack_remaining(); }, {.stack_size = 100'000}).get() > 96 * 1024);
    CHECK(weft::this_fiber::stack_remaining() > 250 * 1024);
  });
  weft::run([] { CHECK(weft::this_fiber::stack_remaining() > 500 * 1024); }, {.procs = 1, .stack_size = 512 * 1024});
}

TEST_CASE("stack: all of it can be used") {
  run([] {
    for (int round = 0; round < 3; ++round) {  // pooled stacks, too
      for (std::size_t size : {64u * 1024, 256u * 1024, 4096u * 1024}) {
        const int depth = weft::spawn([] { return descend(reserve); }, {.stack_size = size}).get();
        CHECK(depth > static_cast<int>(size / 1024 / 4));
        CHECK(depth <= static_cast<int>(size / 1024));
      }
    }
  });
}

TEST_CASE("stack: remaining goes down with depth") {
  run([] {
    const auto here = weft::this_fiber::stack_remaining();
    auto deeper = [] [[gnu::noinline]] {
      volatile char frame[4096];
      frame[0] = 1;
      return weft::this_fiber::stack_remaining() + static_cast<std::size_t>(frame[0] - 1);
    };
    CHECK(deeper() < here);
  });
}

namespace {

const child overflow("stack/overflow", [] {
  return weft::run([] {
    volatile int limit = -1;
    auto t = weft::spawn([&] { return fall(&limit, 0); }, {.name = "deep-one", .stack_size = 64 * 1024});
    return t.get();
  });
});

// On a plain thread's stack the runtime's handler has nothing to say and must not get in the way.
const child plain_fault("stack/plain_fault", [] {
  return weft::run([] {
    volatile int* volatile nowhere = nullptr;
    return *nowhere;
  });
});

}  // namespace

TEST_CASE("stack: an overflow names the fiber, its spawn site and its stack, and dies by SIGSEGV") {
  const auto end = overflow.run();
  CHECK_MESSAGE(end.says("deep-one"), end.err);
  CHECK_MESSAGE(end.says("stack_test.cpp"), end.err);
  CHECK_MESSAGE(end.says("overflow"), end.err);
  CHECK(end.exit_code != 0);
  if (!weft::testing_support::sanitizer) CHECK(end.signal == SIGSEGV);
}

TEST_CASE("stack: other faults on a fiber die as they would have, and are not called an overflow") {
  const auto end = plain_fault.run();
  CHECK(end.exit_code != 0);
  if (!weft::testing_support::sanitizer) CHECK(end.signal == SIGSEGV);
  CHECK_MESSAGE(!end.says("overflow"), end.err);
}
