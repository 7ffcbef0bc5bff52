// SPDX-License-Identifier: Apache-2.0
// Blocking calls, many at once, with spawning, channels and sleeping around and inside them.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <thread>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using namespace std::chrono_literals;
using weft::testing_support::run;
using weft::testing_support::scaled;

TEST_CASE("stress/blocking_storm: short calls, P given up and taken back") {
  constexpr int fibers = 16;
  constexpr int ops = scaled(10'000, 500);
  run([] {
    std::atomic<std::int64_t> sum{0};
    weft::wait_group all;
    for (int f = 0; f < fibers; ++f) {
      all.go([&, f] {
        for (int i = 0; i < ops; ++i) {
          sum += weft::blocking([i] { return i; });
          if ((i + f) % 16 == 0) weft::yield();
        }
      });
    }
    all.wait();
    CHECK(sum == std::int64_t{fibers} * ops * (ops - 1) / 2);
  });
}

TEST_CASE("stress/blocking_storm: calls that use the runtime") {
  constexpr int fibers = 32;
  constexpr int ops = scaled(300, 40);
  run([] {
    weft::chan<int> c(4);
    std::atomic<std::int64_t> in{0};
    std::atomic<std::int64_t> out{0};
    std::atomic<int> spawned{0};
    weft::wait_group consumers;
    for (int i = 0; i < 4; ++i) {
      consumers.go([&, c]() mutable {
        while (auto v = weft::blocking([&] { return c.recv(); })) out += *v;
      });
    }
    weft::wait_group all;
    for (unsigned f = 0; f < fibers; ++f) {
      all.go([&, c, f]() mutable {
        std::minstd_rand random(f + 1);
        for (int i = 0; i < ops; ++i) {
          switch (random() % 4) {
            case 0:
              weft::blocking([&] { std::this_thread::sleep_for(std::chrono::microseconds(random() % 200)); });
              break;
            case 1:
              weft::blocking([&] {
                if (!c.send(i)) in += i;
              });
              break;
            case 2:
              weft::blocking([&] { all.go([&] { ++spawned; }); });
              break;
            default:
              weft::blocking([&] { weft::sleep(std::chrono::microseconds(random() % 100)); });
              break;
          }
        }
      });
    }
    all.wait();
    c.close();
    consumers.wait();
    CHECK(in == out);
    CHECK(spawned > 0);
  });
}
