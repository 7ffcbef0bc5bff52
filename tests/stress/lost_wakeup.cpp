// SPDX-License-Identifier: Apache-2.0
// No wake-up is lost. P fibers meet at a barrier that blocks their threads, so a round ends only if P
// workers woke; sysmon, which would find a stranded fiber after some milliseconds, is told not to help.
//
// The ways a fiber can become runnable are tried one by one, because they take different paths: spawned
// or readied, by a fiber that then parks, by one that then blocks its thread (what it put into its P's
// `next` slot has to be stolen), by a thread that has no P.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include <weft/detail/testing.hpp>
#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using namespace std::chrono_literals;
using weft::testing_support::plain_thread;
using weft::testing_support::procs;
using weft::testing_support::run;
using weft::testing_support::scaled;

namespace {

constexpr int rounds = scaled(20'000, 1'000);

/// Blocks the thread (in a futex), not the fiber.
class thread_barrier {
 public:
  explicit thread_barrier(int n) : n_(n) {}

  void arrive_and_wait() {
    const int now = generation_.load();
    if (arrived_.fetch_add(1) + 1 == n_) {
      arrived_ = 0;
      ++generation_;
      generation_.notify_all();
      return;
    }
    while (generation_.load() == now) generation_.wait(now);
  }

 private:
  const int n_;
  std::atomic<int> arrived_{0};
  std::atomic<int> generation_{0};
};

struct no_rescue {
  no_rescue() { weft::detail::testing_rescue(false); }
  ~no_rescue() { weft::detail::testing_rescue(true); }
};

/// Times rounds; between some of them it lets the workers fall asleep, fully or just about.
class round_timer {
 public:
  template <class F>
  void operator()(F&& round) {
    const auto start = std::chrono::steady_clock::now();
    round();
    longest_ = std::max(longest_, std::chrono::steady_clock::now() - start);
    if (random_() % 8 == 0) {
      const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(random_() % 150);
      while (std::chrono::steady_clock::now() < end) {
      }
    }
  }
  ~round_timer() { CHECK(std::chrono::duration_cast<std::chrono::milliseconds>(longest_).count() < 1000); }

 private:
  std::chrono::steady_clock::duration longest_{};
  std::minstd_rand random_{12345};
};

/// P fibers that wait for a token each, meet at the barrier and say so.
struct crew {
  explicit crew(int barrier_size) : barrier(barrier_size) {
    for (int i = 0; i < procs(); ++i) {
      weft::chan<int> tokens;
      wake.push_back(tokens);
      fibers.go([this, tokens]() mutable {
        for ([[maybe_unused]] int token : tokens) {
          barrier.arrive_and_wait();
          (void)done.send(1);
        }
      });
    }
  }
  ~crew() {
    for (auto& c : wake) c.close();
    fibers.wait();
  }

  void start() {
    for (auto& c : wake) (void)c.send(1);
  }
  void finish() {
    for (int i = 0; i < procs(); ++i) (void)done.recv();
  }

  thread_barrier barrier;
  weft::chan<int> done{static_cast<std::size_t>(procs())};
  std::vector<weft::chan<int>> wake;
  weft::wait_group fibers;
};

}  // namespace

TEST_CASE("stress/lost_wakeup: spawned by a fiber that parks") {
  const no_rescue off;
  run([] {
    thread_barrier barrier(procs());
    round_timer timed;
    for (int r = 0; r < rounds; ++r) {
      timed([&] {
        weft::wait_group all;
        for (int i = 0; i < procs(); ++i) all.go([&] { barrier.arrive_and_wait(); });
        all.wait();
      });
    }
  });
}

TEST_CASE("stress/lost_wakeup: spawned by a fiber that blocks its thread") {
  const no_rescue off;
  run([] {
    thread_barrier barrier(procs());
    round_timer timed;
    for (int r = 0; r < rounds; ++r) {
      timed([&] {
        weft::wait_group all;
        const auto where = r % 2 == 0 ? weft::place::next : weft::place::tail;
        for (int i = 1; i < procs(); ++i) all.go([&] { barrier.arrive_and_wait(); }, {.place = where});
        barrier.arrive_and_wait();
        all.wait();
      });
    }
  });
}

TEST_CASE("stress/lost_wakeup: readied by a fiber that parks") {
  const no_rescue off;
  run([] {
    crew c(procs());
    round_timer timed;
    for (int r = 0; r < rounds; ++r) {
      timed([&] {
        c.start();
        c.finish();
      });
    }
  });
}

// One after the other, each woken by the one before, which then blocks its thread.
TEST_CASE("stress/lost_wakeup: readied in a chain") {
  const no_rescue off;
  run([] {
    thread_barrier barrier(procs());
    std::vector<weft::chan<int>> wake(static_cast<std::size_t>(procs()));
    for (auto& c : wake) c = weft::chan<int>(1);
    weft::chan<int> done(static_cast<std::size_t>(procs()));
    weft::wait_group all;
    for (std::size_t i = 0; i < wake.size(); ++i) {
      all.go([&, i] {
        for ([[maybe_unused]] int token : wake[i]) {
          if (i + 1 < wake.size()) (void)wake[i + 1].send(1);
          barrier.arrive_and_wait();
          (void)done.send(1);
        }
      });
    }
    {
      round_timer timed;
      for (int r = 0; r < rounds; ++r) {
        timed([&] {
          (void)wake[0].send(1);
          for (std::size_t i = 0; i < wake.size(); ++i) (void)done.recv();
        });
      }
    }
    for (auto& c : wake) c.close();
    all.wait();
  });
}

TEST_CASE("stress/lost_wakeup: spawned from outside") {
  const no_rescue off;
  run([] {
    // Shared: the last fibers may still be on their way out of it when main has gone.
    const auto barrier = std::make_shared<thread_barrier>(procs() + 1);
    plain_thread outside([&] {
      round_timer timed;
      for (int r = 0; r < rounds; ++r) {
        timed([&] {
          for (int i = 0; i < procs(); ++i) weft::go([barrier] { barrier->arrive_and_wait(); });
          barrier->arrive_and_wait();
        });
      }
    });
  });
}

TEST_CASE("stress/lost_wakeup: readied from outside") {
  const no_rescue off;
  run([] {
    crew c(procs() + 1);
    plain_thread outside([&] {
      round_timer timed;
      for (int r = 0; r < rounds; ++r) {
        timed([&] {
          c.start();
          c.barrier.arrive_and_wait();
          c.finish();
        });
      }
    });
  });
}

// The last word to a sleeping runtime comes from a timer.
TEST_CASE("stress/lost_wakeup: readied by timers") {
  const no_rescue off;
  run([] {
    thread_barrier barrier(procs());
    round_timer timed;
    for (int r = 0; r < rounds / 10; ++r) {
      timed([&] {
        weft::wait_group all;
        for (int i = 0; i < procs(); ++i) {
          all.go([&, i, r] {
            weft::sleep(std::chrono::microseconds((r * 7 + i * 13) % 200));
            barrier.arrive_and_wait();
          });
        }
        all.wait();
      });
    }
  });
}
