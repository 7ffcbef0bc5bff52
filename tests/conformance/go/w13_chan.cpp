// SPDX-License-Identifier: Apache-2.0
// Channels of every small capacity: they block when empty and when full, closing unblocks, order and
// number of values are kept.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <vector>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using namespace std::chrono_literals;
using weft::testing_support::run;
using weft::testing_support::scaled;

namespace {

void blocks_when_empty(std::size_t capacity) {
  weft::chan<int> c(capacity);
  std::atomic<int> received{0};
  weft::wait_group all;
  for (int i = 0; i < 2; ++i) {
    all.go([&, c]() mutable {
      CHECK(c.recv().has_value());
      ++received;
    });
  }
  weft::sleep(1ms);
  CHECK(received == 0);
  CHECK(c.try_recv().error() == weft::errc::would_block);
  CHECK(!c.send(0));
  CHECK(!c.send(0));
  all.wait();
}

void blocks_when_full(std::size_t capacity) {
  weft::chan<int> c(capacity);
  for (std::size_t i = 0; i < capacity; ++i) CHECK(!c.send(static_cast<int>(i)));
  std::atomic<bool> sent{false};
  auto sender = weft::spawn([&, c]() mutable {
    CHECK(!c.send(static_cast<int>(capacity)));
    sent = true;
  });
  weft::sleep(1ms);
  CHECK(!sent);
  CHECK(c.size() == capacity);
  CHECK(c.capacity() == capacity);
  CHECK(c.try_send(0) == weft::errc::would_block);
  for (std::size_t i = 0; i <= capacity; ++i) CHECK(c.recv() == static_cast<int>(i));
  sender.get();
}

void close_unblocks(std::size_t capacity) {
  weft::chan<int> c(capacity);
  auto receiver = weft::spawn([c]() mutable { return c.recv(); });
  weft::yield();
  c.close();
  CHECK(receiver.get().error() == weft::errc::closed);
}

void keeps_order(std::size_t capacity) {
  weft::chan<int> c(capacity);
  auto sender = weft::spawn([c]() mutable {
    for (int i = 0; i < 100; ++i) CHECK(!c.send(i));
  });
  for (int i = 0; i < 100; ++i) CHECK(c.recv() == i);
  sender.get();
}

void loses_nothing(std::size_t capacity) {
  constexpr int fibers = 4;
  constexpr int values = 1000;
  weft::chan<int> c(capacity);
  weft::wait_group all;
  std::array<std::array<int, values>, fibers> seen{};  // by receiver
  for (int p = 0; p < fibers; ++p) {
    all.go([c]() mutable {
      for (int i = 0; i < values; ++i) (void)c.send(i);
    });
    all.go([c, &mine = seen[static_cast<std::size_t>(p)]]() mutable {
      for (int i = 0; i < values; ++i) {
        if (auto v = c.recv()) ++mine[static_cast<std::size_t>(*v)];
      }
    });
  }
  all.wait();
  int wrong = 0;
  for (std::size_t v = 0; v < values; ++v) {
    int n = 0;
    for (const auto& mine : seen) n += mine[v];
    wrong += n != fibers;
  }
  CHECK(wrong == 0);
  CHECK(c.size() == 0);
}

}  // namespace

TEST_CASE("go/chan/chan") {
  run([] {
    const std::size_t largest = scaled(200, 40);
    for (std::size_t capacity = 0; capacity < largest; ++capacity) {
      blocks_when_empty(capacity);
      blocks_when_full(capacity);
      close_unblocks(capacity);
      keeps_order(capacity);
      loses_nothing(capacity);
    }
  });
}
