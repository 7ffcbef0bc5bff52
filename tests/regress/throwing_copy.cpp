// SPDX-License-Identifier: Apache-2.0
// group::go and wait_group::go counted the fiber before they copied the function: if that threw, the count stayed, and
// the wait (or the group's destructor) never ended.
#include <doctest/doctest.h>

#include <chrono>
#include <stdexcept>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"

using namespace std::chrono_literals;
using weft::testing_support::run;

namespace {

struct throws_when_copied {
  throws_when_copied() = default;
  throws_when_copied(const throws_when_copied&) { throw std::runtime_error("copied"); }
  void operator()() const {}
};

}  // namespace

TEST_CASE("regress/throwing copy: a group does not count a fiber that never was") {
  run([] {
    const throws_when_copied f;
    weft::group g;
    CHECK_THROWS_AS((void)g.go(f), std::runtime_error);
    CHECK(g.size() == 0);
    CHECK(!g.wait(5s));
  });
}

TEST_CASE("regress/throwing copy: nor does a wait_group") {
  run([] {
    const throws_when_copied f;
    weft::wait_group all;
    CHECK_THROWS_AS(all.go(f), std::runtime_error);
    CHECK(!all.wait(5s));
  });
}
