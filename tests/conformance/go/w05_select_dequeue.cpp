// SPDX-License-Identifier: Apache-2.0
// A select that another case has ended leaves the queues of its other channels, from the front, the
// middle and the back, and those around it are still served in order.
#include <doctest/doctest.h>

#include <vector>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"

using weft::testing_support::procs;
using weft::testing_support::run;

namespace {

constexpr int waiters = 5;

// `waiters` fibers queue on `c`; the one at `which` does so by a select and is called away.
void receivers(int which) {
  weft::chan<int> c;
  weft::chan<bool> away;
  weft::chan<int> got(waiters);
  weft::wait_group all;
  for (int i = 0; i < waiters; ++i) {
    all.go([=]() mutable {
      if (i == which) {
        CHECK(weft::select(weft::on_recv(c, [](auto) {}), weft::on_recv(away, [](auto) {})) == 1);
        return;
      }
      CHECK(!got.send(c.recv().value_or(-1)));
    });
    weft::yield();
  }
  CHECK(!away.send(true));
  for (int i = 0; i < waiters - 1; ++i) CHECK(!c.send(i));
  all.wait();
  CHECK(c.try_send(99) == weft::errc::would_block);  // nobody is left in the queue
  int sum = 0;
  for (int i = 0; i < waiters - 1; ++i) sum += got.recv().value_or(-100);
  CHECK(sum == (waiters - 1) * (waiters - 2) / 2);
}

void senders(int which, bool in_order) {
  weft::chan<int> c;
  weft::chan<bool> away;
  weft::wait_group all;
  for (int i = 0; i < waiters; ++i) {
    all.go([=]() mutable {
      if (i == which) {
        CHECK(weft::select(weft::on_send(c, -1, [](auto) {}), weft::on_recv(away, [](auto) {})) == 1);
        return;
      }
      CHECK(!c.send(i));
    });
    weft::yield();
  }
  CHECK(!away.send(true));
  int expected = 0;
  int sum = 0;
  for (int i = 0; i < waiters - 1; ++i) {
    const int v = c.recv().value_or(-100);
    if (expected == which) ++expected;
    if (in_order) CHECK(v == expected);
    ++expected;
    sum += v;
  }
  all.wait();
  CHECK(c.try_recv().error() == weft::errc::would_block);
  CHECK(sum == waiters * (waiters - 1) / 2 - which);
}

}  // namespace

TEST_CASE("go/select/dequeue: one P, known order") {
  run(
      [] {
        for (int which = 0; which < waiters; ++which) {
          receivers(which);
          senders(which, true);
        }
      },
      {.procs = 1});
}

TEST_CASE("go/select/dequeue: any order") {
  run([] {
    for (int round = 0; round < 200; ++round) {
      receivers(round % waiters);
      senders(round % waiters, false);
    }
  });
}
