// SPDX-License-Identifier: Apache-2.0
// What a fiber keeps when it goes on on another thread.
#include <doctest/doctest.h>

#include <cerrno>
#include <chrono>
#include <set>
#include <string>
#include <thread>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using namespace std::chrono_literals;
using weft::testing_support::procs;
using weft::testing_support::run;
using weft::testing_support::scaled;

namespace {

// errno's address is cached by compilers within a function: each access is one of its own.
__attribute__((noinline)) void set_errno(int v) {
  errno = v;
  asm volatile("" ::: "memory");
}
__attribute__((noinline)) int get_errno() {
  asm volatile("" ::: "memory");
  return errno;
}

}  // namespace

TEST_CASE("migration: errno is the fiber's") {
  run([] {
    weft::wait_group all;
    for (int f = 0; f < 20; ++f) {
      all.go([f] {
        int wrong = 0;
        for (int i = 0; i < scaled(500, 100); ++i) {
          const int mine = f * 1000 + i + 1;
          set_errno(mine);
          switch (i % 3) {
            case 0:
              weft::yield();
              break;
            case 1:
              weft::sleep(std::chrono::microseconds(i % 20));
              break;
            default:
              weft::spawn([] { set_errno(-5); }).get();
              break;
          }
          wrong += get_errno() != mine;
        }
        CHECK(wrong == 0);
      });
    }
    all.wait();
  });
}

TEST_CASE("migration: a fiber starts with errno 0 or at least not with its predecessor's") {
  run([] {
    set_errno(EDOM);
    for (int i = 0; i < 100; ++i) {
      weft::spawn([] { set_errno(ERANGE); }).get();
      CHECK(weft::spawn([] { return get_errno(); }).get() != ERANGE);
    }
    CHECK(get_errno() == EDOM);
  });
}

TEST_CASE("migration: fibers do move between threads when there are several Ps") {
  run([] {
    std::set<std::thread::id> threads;
    weft::mutex m;
    weft::wait_group all;
    for (int f = 0; f < 8; ++f) {
      all.go([&] {
        for (int i = 0; i < 200; ++i) {
          {
            const std::lock_guard hold(m);
            threads.insert(std::this_thread::get_id());
          }
          weft::sleep(50us);
        }
      });
    }
    all.wait();
    // Not more threads than Ps and a few spares, and with several Ps more than one.
    CHECK(threads.size() <= static_cast<std::size_t>(procs()) + 4);
    if (procs() > 1) CHECK(threads.size() > 1);
  });
}

TEST_CASE("migration: identity") {
  run([] {
    weft::wait_group all;
    for (int f = 0; f < 10; ++f) {
      const std::string name = "fiber-" + std::to_string(f);
      all.go(
          [name] {
            const auto id = weft::this_fiber::id();
            const auto context = weft::this_fiber::context();
            for (int i = 0; i < 100; ++i) {
              weft::sleep(std::chrono::microseconds(i));
              CHECK(weft::this_fiber::id() == id);
              CHECK(weft::this_fiber::name() == name);
              CHECK(weft::this_fiber::context() == context);
            }
          },
          {.name = name});
    }
    all.wait();
  });
}
