// SPDX-License-Identifier: Apache-2.0
// One select never commits two of its cases: a value offered on four channels at once arrives once.
#include <doctest/doctest.h>

#include <array>
#include <vector>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using weft::testing_support::run;
using weft::testing_support::scaled;

TEST_CASE("go/select/double_select") {
  static constexpr int count = scaled(100'000, 10'000);
  run([] {
    std::array<weft::chan<int>, 4> lanes;
    weft::chan<int> merged;

    auto sender = weft::spawn([lanes]() mutable {
      constexpr auto ignore = [](std::error_code) {};
      for (int i = 0; i < count; ++i) {
        weft::select(weft::on_send(lanes[0], i, ignore), weft::on_send(lanes[1], i, ignore),
                     weft::on_send(lanes[2], i, ignore), weft::on_send(lanes[3], i, ignore));
      }
      for (auto& lane : lanes) lane.close();
    });

    weft::wait_group muxes;
    for (auto& lane : lanes) {
      muxes.go([lane, merged]() mutable {
        for (int v : lane) CHECK(!merged.send(v));
      });
    }
    auto closer = weft::spawn([&muxes, merged]() mutable {
      muxes.wait();
      merged.close();
    });

    std::vector<int> seen(static_cast<std::size_t>(count));
    for (int v : merged) ++seen[static_cast<std::size_t>(v)];
    long lost = 0;
    long doubled = 0;
    for (int n : seen) {
      lost += n == 0;
      doubled += n > 1;
    }
    CHECK(lost == 0);
    CHECK(doubled == 0);
    sender.get();
    closer.get();
  });
}
