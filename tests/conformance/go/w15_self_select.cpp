// SPDX-License-Identifier: Apache-2.0
// Sending and receiving on the same channel in one select: a fiber never receives from itself, and two
// that do so both finish.
#include <doctest/doctest.h>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using weft::testing_support::run;
using weft::testing_support::scaled;

TEST_CASE("go/select/self_select") {
  static constexpr int rounds = scaled(10'000, 2'000);
  run([] {
    for (std::size_t capacity : {0, 10}) {
      weft::chan<int> c(capacity);
      weft::wait_group all;
      for (int me = 0; me < 2; ++me) {
        all.go([c, me, capacity]() mutable {
          int from_self = 0;
          auto sent = [](std::error_code) {};
          auto got = [&](std::expected<int, std::error_code> v) { from_self += capacity == 0 && v == me; };
          for (int i = 0; i < rounds; ++i) {
            if (me == 0 || i % 2 == 0) {
              weft::select(weft::on_send(c, me, sent), weft::on_recv(c, got));
            } else {
              weft::select(weft::on_recv(c, got), weft::on_send(c, me, sent));
            }
          }
          CHECK(from_self == 0);
        });
      }
      all.wait();
    }
  });
}
