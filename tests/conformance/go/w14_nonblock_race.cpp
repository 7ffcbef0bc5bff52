// SPDX-License-Identifier: Apache-2.0
// A select sees all its channels at one instant: while at least one is always ready, the otherwise case
// never runs. A select that looked at its channels one after the other would fail here.
#include <doctest/doctest.h>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using weft::testing_support::run;
using weft::testing_support::scaled;

namespace {

constexpr auto ignore = [](auto) {};
constexpr auto nothing = [] {};

}  // namespace

TEST_CASE("go/select/nonblock_race: two channels, filled in turn") {
  static constexpr int rounds = scaled(100'000, 10'000);
  run([] {
    weft::chan<bool> done(1);
    int failures = 0;
    for (int i = 0; i < rounds; ++i) {
      weft::chan<int> c1(1);
      weft::chan<int> c2(1);
      (void)c1.send(1);
      weft::go([c1, c2, done]() mutable {
        const auto which = weft::select(weft::on_recv(c1, ignore), weft::on_recv(c2, ignore), weft::otherwise(nothing));
        (void)done.send(which != 2);
      });
      (void)c2.send(1);
      weft::select(weft::on_recv(c1, ignore), weft::otherwise(nothing));
      if (!done.recv().value_or(false)) ++failures;
    }
    CHECK(failures == 0);
  });
}

TEST_CASE("go/select/nonblock_race: the second becomes ready by being closed") {
  static constexpr int rounds = scaled(100'000, 10'000);
  run([] {
    weft::chan<bool> done(1);
    int failures = 0;
    for (int i = 0; i < rounds; ++i) {
      weft::chan<int> c1(1);
      weft::chan<int> c2;
      (void)c1.send(1);
      weft::go([c1, c2, done]() mutable {
        const auto which = weft::select(weft::on_recv(c1, ignore), weft::on_recv(c2, ignore), weft::otherwise(nothing));
        (void)done.send(which != 2);
      });
      c2.close();
      weft::select(weft::on_recv(c1, ignore), weft::otherwise(nothing));
      if (!done.recv().value_or(false)) ++failures;
    }
    CHECK(failures == 0);
  });
}

// A closed channel with nothing in it is ready, and so is one with a value in it: never "would block".
TEST_CASE("go/select/nonblock_race: try_recv beside a close and a receiver") {
  static constexpr int rounds = scaled(20'000, 5'000);
  run([] {
    int failures = 0;
    for (int i = 0; i < rounds; ++i) {
      weft::chan<int> c(1);
      (void)c.send(1);
      auto other = weft::spawn([c]() mutable {
        auto r = c.try_recv();
        return r.has_value() || r.error() == weft::errc::closed;
      });
      c.close();
      (void)c.recv();
      if (!other.get()) ++failures;
    }
    CHECK(failures == 0);
  });
}
