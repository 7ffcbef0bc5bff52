// SPDX-License-Identifier: Apache-2.0
// Values come out of a channel in the order they went in; blocked senders and receivers are served in
// the order they came.
#include <doctest/doctest.h>

#include <vector>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"

using weft::testing_support::run;

namespace {

constexpr int count = 100;

// Waits for its turn, takes one value, which must be its own, and passes the turn on.
void link(weft::chan<int> values, int mine, weft::chan<int> turn, weft::chan<int> next_turn) {
  CHECK(turn.recv() == 0);
  CHECK(values.recv() == mine);
  CHECK(!next_turn.send(0));
}

}  // namespace

TEST_CASE("go/chan/fifo: buffered") {
  run([] {
    weft::chan<int> c(count);
    for (int i = 0; i < count; ++i) CHECK(!c.send(i));
    for (int i = 0; i < count; ++i) CHECK(c.recv() == i);
  });
}

TEST_CASE("go/chan/fifo: unbuffered, through a daisy chain") {
  run([] {
    weft::chan<int> values;
    weft::chan<int> first;
    weft::chan<int> last = first;
    weft::wait_group all;
    for (int i = 0; i < count; ++i) {
      weft::chan<int> next;
      all.go([values, i, last, next] { link(values, i, last, next); });
      last = next;
    }
    CHECK(!first.send(0));
    for (int i = 0; i < count; ++i) CHECK(!values.send(i));
    CHECK(last.recv() == 0);
    all.wait();
  });
}

// On one P a yield lets the new fiber run until it parks, so the queue's order is known.
TEST_CASE("go/chan/fifo: queued senders") {
  run(
      [] {
        for (std::size_t capacity : {0, 1, 7}) {
          weft::chan<int> c(capacity);
          weft::wait_group all;
          for (int i = 0; i < count; ++i) {
            all.go([c, i]() mutable { CHECK(!c.send(i)); });
            weft::yield();
          }
          for (int i = 0; i < count; ++i) CHECK(c.recv() == i);
          all.wait();
        }
      },
      {.procs = 1});
}

TEST_CASE("go/chan/fifo: queued receivers") {
  run(
      [] {
        weft::chan<int> c;
        weft::wait_group all;
        std::vector<int> got(count, -1);
        for (int i = 0; i < count; ++i) {
          all.go([c, i, &got]() mutable { got[static_cast<std::size_t>(i)] = c.recv().value_or(-2); });
          weft::yield();
        }
        for (int i = 0; i < count; ++i) CHECK(!c.send(i));
        all.wait();
        for (int i = 0; i < count; ++i) CHECK(got[static_cast<std::size_t>(i)] == i);
      },
      {.procs = 1});
}
