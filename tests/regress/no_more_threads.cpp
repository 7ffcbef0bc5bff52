// SPDX-License-Identifier: Apache-2.0
// When no thread could be made, the claim of a wake was given back without another look: an item whose submitter had
// relied on the searcher that was counted meanwhile stayed beside an idle P and a sleeping thread.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include <weft/detail/testing.hpp>
#include <weft/weft.hpp>

#include "runtime/os/fallback.hpp"
#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using namespace std::chrono_literals;
using weft::testing_support::run;
using weft::testing_support::scaled;
namespace os = weft::rt::os;

namespace {

struct no_more_threads {
  no_more_threads() { os::force(static_cast<unsigned>(os::fallback::threads)); }
  ~no_more_threads() { os::force(0); }
};

struct no_rescue {
  no_rescue() { weft::detail::testing_rescue(false); }
  ~no_rescue() { weft::detail::testing_rescue(true); }
};

}  // namespace

TEST_CASE("regress/threads: nothing is lost when no thread can be made") {
  const no_rescue off;
  run([] {
    const no_more_threads none;  // from here on: main's thread is there
    std::atomic<int> done{0};
    weft::wait_group all;
    for (int i = 0; i < 32; ++i) {
      all.go([&] {
        for (int k = 0; k < scaled(20, 5); ++k) {
          weft::blocking([] { std::this_thread::sleep_for(100us); });
          weft::yield();
          ++done;
        }
      });
    }
    all.wait();
    CHECK(done == 32 * scaled(20, 5));
  });
}

TEST_CASE("regress/threads: handing values to and fro with two threads for many Ps") {
  const no_rescue off;
  run([] {
    weft::blocking([] {});  // makes a second thread
    const no_more_threads none;
    weft::wait_group all;
    for (int pair = 0; pair < 4; ++pair) {
      weft::chan<int> there;
      weft::chan<int> back;
      all.go([=]() mutable {
        for (int v : there) (void)back.send(v + 1);
        back.close();
      });
      all.go([=]() mutable {
        for (int i = 0; i < scaled(20'000, 1'000); ++i) {
          CHECK(!there.send(i));
          CHECK(back.recv().value_or(-1) == i + 1);
        }
        there.close();
      });
    }
    all.wait();
  });
}
