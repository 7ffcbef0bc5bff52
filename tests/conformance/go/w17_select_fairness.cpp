// SPDX-License-Identifier: Apache-2.0
// Among ready cases the choice is uniform.
#include <doctest/doctest.h>

#include <cmath>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"

using weft::testing_support::run;

namespace {

// For a fair choice among n, out of `trials`: how many standard deviations the count is off.
double sigmas_off(int count, int trials, int n) {
  const double p = 1.0 / n;
  return std::abs(count - trials * p) / std::sqrt(trials * p * (1 - p));
}

}  // namespace

TEST_CASE("go/select/fairness: two ready receives among four cases") {
  run([] {
    constexpr int trials = 10'000;
    weft::chan<int> c1(trials + 1);
    weft::chan<int> c2(trials + 1);
    for (int i = 0; i <= trials; ++i) {
      CHECK(!c1.send(1));
      CHECK(!c2.send(2));
    }
    weft::chan<int> c3;
    weft::chan<int> c4;
    weft::chan<int> out;
    weft::chan<bool> done;
    auto chooser = weft::spawn([=]() mutable {
      for (;;) {
        int v = 0;
        auto take = [&](std::expected<int, std::error_code> r) { v = r.value_or(0); };
        weft::select(weft::on_recv(c3, take), weft::on_recv(c4, take), weft::on_recv(c1, take),
                     weft::on_recv(c2, take));
        if (weft::select(weft::on_send(out, v, [](auto) {}), weft::on_recv(done, [](auto) {})) == 1) return;
      }
    });
    int first = 0;
    int second = 0;
    for (int i = 0; i < trials; ++i) {
      const int v = out.recv().value_or(0);
      first += v == 1;
      second += v == 2;
    }
    done.close();
    chooser.get();
    CHECK(first + second == trials);
    CHECK(sigmas_off(first, trials, 2) < 10);
  });
}

// Fisher-Yates gone wrong is often fair for two and not for more.
TEST_CASE("go/select/fairness: each position of four") {
  run([] {
    constexpr int trials = 20'000;
    weft::chan<int> c(1);
    int count[4] = {};
    c.close();
    auto ignore = [](auto) {};
    for (int i = 0; i < trials; ++i) {
      ++count[weft::select(weft::on_recv(c, ignore), weft::on_recv(c, ignore), weft::on_recv(c, ignore),
                           weft::on_recv(c, ignore))];
    }
    for (int n : count) CHECK(sigmas_off(n, trials, 4) < 10);
  });
}

TEST_CASE("go/select/pseudo_random_send") {
  run([] {
    constexpr int n = 100;
    for (std::size_t capacity : {0, 1, n}) {
      weft::chan<int> c(capacity);
      auto receiver = weft::spawn([c]() mutable {
        int zeros = 0;
        for (int i = 0; i < n; ++i) {
          weft::yield();
          zeros += c.recv() == 0;
        }
        return zeros;
      });
      auto ignore = [](std::error_code) {};
      for (int i = 0; i < n; ++i) weft::select(weft::on_send(c, 1, ignore), weft::on_send(c, 0, ignore));
      const int zeros = receiver.get();
      CHECK(zeros > n / 10);
      CHECK(zeros < n - n / 10);
    }
  });
}
