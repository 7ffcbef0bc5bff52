// SPDX-License-Identifier: Apache-2.0
// Prime sieves: long chains of fibers, a value passed through all of them in order.
#include <doctest/doctest.h>

#include <queue>
#include <vector>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"

using weft::testing_support::run;

namespace {

constexpr int how_many = 100;

std::vector<int> primes_by_division() {
  std::vector<int> primes;
  for (int n = 2; static_cast<int>(primes.size()) < how_many; ++n) {
    bool prime = true;
    for (int p : primes) prime = prime && n % p != 0;
    if (prime) primes.push_back(n);
  }
  return primes;
}

// Ends when its context is cancelled, which the group's destructor does.
void filter(weft::chan<int> in, weft::chan<int> out, int prime) {
  while (auto v = in.recv()) {
    if (*v % prime != 0 && out.send(*v)) return;
  }
}

void multiples(weft::chan<int> out, int prime) {
  for (int v = prime * prime;; v += prime) {
    if (out.send(v)) return;
  }
}

}  // namespace

TEST_CASE("go/chan/sieve: a filter for each prime") {
  run([] {
    for (std::size_t capacity : {0, 1, 16}) {
      std::vector<int> primes;
      {
        weft::group fibers;
        weft::chan<int> last(capacity);
        fibers.go([last]() mutable {
          for (int n = 2; !last.send(n); ++n) {
          }
        });
        for (int i = 0; i < how_many; ++i) {
          const int prime = last.recv().value_or(-1);
          primes.push_back(prime);
          weft::chan<int> next(capacity);
          fibers.go([last, next, prime] { filter(last, next, prime); });
          last = next;
        }
      }
      CHECK(primes == primes_by_division());
    }
  });
}

TEST_CASE("go/chan/sieve: merged streams of multiples") {
  run([] {
    std::vector<int> primes;
    {
      weft::group fibers;
      struct stream {
        int head;
        weft::chan<int> rest;
        bool operator>(const stream& o) const { return head > o.head; }
      };
      std::priority_queue<stream, std::vector<stream>, std::greater<>> composites;
      for (int n = 2; static_cast<int>(primes.size()) < how_many; ++n) {
        bool composite = false;
        while (!composites.empty() && composites.top().head == n) {
          composite = true;
          stream s = composites.top();
          composites.pop();
          const int next = s.rest.recv().value_or(-1);
          CHECK(next > s.head);
          s.head = next;
          composites.push(s);
        }
        if (composite) continue;
        primes.push_back(n);
        weft::chan<int> c(n % 3 == 0 ? 4 : 0);
        fibers.go([c, n] { multiples(c, n); });
        composites.push({c.recv().value_or(-1), c});
      }
    }
    CHECK(primes == primes_by_division());
  });
}
