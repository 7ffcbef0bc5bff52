// SPDX-License-Identifier: Apache-2.0
// A child was cancelled while its parent's canceller had it on its work list, and cut that list off: the siblings
// behind it were never cancelled, and who waited for them waited on.
#include <doctest/doctest.h>

#include <chrono>
#include <vector>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using namespace std::chrono_literals;
using weft::testing_support::run;
using weft::testing_support::scaled;

TEST_CASE("regress/cancel: a child that is cancelled together with its parent does not hide its siblings") {
  run([] {
    for (int round = 0; round < scaled(3'000, 300); ++round) {
      weft::cancel_source parent;
      std::vector<weft::cancel_source> children;
      for (int i = 0; i < 16; ++i) children.emplace_back(parent.context());
      weft::wait_group both;
      both.go([&] { parent.cancel(); });
      both.go([&] {
        for (auto& c : children) c.cancel();
      });
      both.wait();
      int alive = 0;
      for (auto& c : children) alive += !c.context().done();
      CHECK(alive == 0);
    }
  });
}

TEST_CASE("regress/cancel: only one child is cancelled by itself") {
  run([] {
    for (int round = 0; round < scaled(3'000, 300); ++round) {
      weft::cancel_source parent;
      std::vector<weft::cancel_source> children;
      for (int i = 0; i < 16; ++i) children.emplace_back(parent.context());
      weft::wait_group both;
      both.go([&] { children[static_cast<std::size_t>(round) % children.size()].cancel(); });
      both.go([&] { parent.cancel(); });
      both.wait();
      int alive = 0;
      for (auto& c : children) alive += !c.context().done();
      CHECK(alive == 0);
    }
  });
}
