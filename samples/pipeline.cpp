// SPDX-License-Identifier: Apache-2.0
// Pipelines of fibers joined by channels, in three steps: a chain with a stage that is many fibers, a
// chain that grows while it runs, and how a pipeline is ended from its far end.
//
// The custom, as in Go: whoever sends on a channel closes it; whoever receives reads until it is closed.
#include <cstdint>
#include <cstdio>

#include <weft/weft.hpp>

namespace {

// The stages live in a group: the group's context is theirs, so cancelling it ends every send and
// receive they wait in, and ~group() joins them. No stage needs to know why it is to stop.
using numbers = weft::chan<std::int64_t>;

/// Sends `first`, `first` + 1, ... `last`.
numbers count(weft::group& stages, std::int64_t first, std::int64_t last) {
  numbers out(16);                          // room for 16 values: the two sides need not meet for each of them
  stages.go([out, first, last]() mutable {  // a channel is a handle: captured by value, it is the same channel
    for (std::int64_t i = first; i <= last; ++i) {
      if (out.send(i)) return;  // an error: nobody wants numbers any more
    }
    out.close();
  });
  return out;
}

// generator -> many squarers -> merger. The squarers compete for the values of one channel, each sends on
// a channel of its own, and the merger makes one of them again.
numbers square(weft::group& stages, numbers in) {
  numbers out;  // unbuffered: a send returns when the value was taken
  stages.go([in, out]() mutable {
    for (const std::int64_t v : in) {
      if (out.send(v * v)) return;
    }
    out.close();
  });
  return out;
}

numbers merge(weft::group& stages, numbers a, numbers b) {
  numbers out;
  stages.go([a, b, out]() mutable {
    // A nil channel is never ready: that is how a select forgets a case.
    auto pass_on = [&out](numbers& from) {
      return [&out, &from](auto value) {
        if (!value || out.send(*value)) from = numbers(nullptr);
      };
    };
    while ((a || b) && !weft::this_fiber::context().done()) {
      weft::select(weft::on_recv(a, pass_on(a)), weft::on_recv(b, pass_on(b)),
                   weft::on_done(weft::this_fiber::context(), [] {}));
    }
    out.close();
  });
  return out;
}

bool sum_of_squares() {
  constexpr std::int64_t n = 10'000;
  weft::group stages;
  numbers in = count(stages, 1, n);
  numbers out = merge(stages, merge(stages, square(stages, in), square(stages, in)),
                      merge(stages, square(stages, in), square(stages, in)));
  std::int64_t sum = 0;
  for (const std::int64_t v : out) sum += v;

  const bool right = sum == n * (n + 1) * (2 * n + 1) / 6;
  std::printf("sum of the squares of 1 to %lld: %lld (%s)\n", static_cast<long long>(n), static_cast<long long>(sum),
              right ? "right" : "WRONG");
  return right;
}

// The sieve: a filter for each prime found, put at the end of the chain by the fiber that found it.
// The source has no end; after the hundredth prime the whole chain is cancelled where it stands.
bool primes() {
  weft::group stages;
  numbers chain = count(stages, 2, INT64_MAX);
  std::int64_t prime = 0;
  for (int found = 0; found < 100; ++found) {
    auto next = chain.recv();
    if (!next) return false;
    prime = *next;

    numbers filtered(16);
    stages.go([in = chain, out = filtered, prime]() mutable {
      for (const std::int64_t v : in) {
        if (v % prime != 0 && out.send(v)) return;
      }
    });
    chain = filtered;
  }
  const std::size_t alive = stages.size();
  stages.cancel();
  (void)stages.wait(weft::until::never());

  const bool right = prime == 541 && alive == 101 && stages.size() == 0;
  std::printf("the 100th prime: %lld, found by %zu fibers, of which %zu are left (%s)\n", static_cast<long long>(prime),
              alive, stages.size(), right ? "right" : "WRONG");
  return right;
}

// A consumer with a time limit: the limit is a context, and the whole pipeline hangs below it.
bool gives_up() {
  const weft::cancel_source limit(weft::this_fiber::context(), std::chrono::milliseconds(20));
  weft::group stages(limit.context());
  numbers never_sent;
  numbers out = square(stages, never_sent);
  const auto value = out.recv(limit.context());  // ends with it, or because the stage before ended with it

  const bool right = !value && limit.context().error() == weft::errc::timed_out;
  std::printf("a pipeline whose source is silent: %s (%s)\n", limit.context().error().message().c_str(),
              right ? "right" : "WRONG");
  return right;
}

}  // namespace

int main() {
  return weft::run([] { return sum_of_squares() && primes() && gives_up() ? 0 : 1; });
}
