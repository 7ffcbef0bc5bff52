// SPDX-License-Identifier: Apache-2.0
// try_go with a large function moved from it, and destroyed it, although it reported failure; chan<T>(0) was ambiguous.
#include <doctest/doctest.h>

#include <array>
#include <memory>

#include <weft/weft.hpp>

TEST_CASE("regress/spawn: what try_go refuses is untouched, also if it is large") {
  auto owned = std::make_unique<int>(7);
  auto large = [owned = std::move(owned), room = std::array<char, 8192>()] { return *owned + room[0]; };
  CHECK(weft::try_go(std::move(large)) == weft::errc::not_running);
  CHECK(large() == 7);
}

TEST_CASE("regress/chan: a capacity of literal zero") {
  weft::chan<int> c(0);
  CHECK(c.capacity() == 0);
  CHECK(static_cast<bool>(c));
  weft::chan<int> nil(nullptr);
  CHECK(!nil);
}
