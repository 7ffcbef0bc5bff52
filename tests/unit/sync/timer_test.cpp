// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using namespace std::chrono_literals;
using weft::testing_support::plain_thread;
using weft::testing_support::run;
using weft::testing_support::scaled;

TEST_CASE("timer: fires once, not early, with the time") {
  run([] {
    const auto start = weft::clock::now();
    weft::timer t(3ms);
    CHECK(t.channel().capacity() == 1);
    const auto fired = t.channel().recv();
    CHECK(weft::clock::now() - start >= 3ms);
    CHECK((fired && *fired >= start + 3ms && *fired <= weft::clock::now()));
    CHECK(t.channel().recv(5ms).error() == weft::errc::timed_out);
    CHECK(!t.stop());
    CHECK(t.channel() == t.channel());
  });
}

TEST_CASE("timer: wait") {
  run([] {
    weft::timer t(2ms);
    CHECK(!t.wait());
    CHECK(t.wait(1ms) == weft::errc::timed_out);
    CHECK(!t.reset(30s));
    auto waiter = weft::spawn([&] { return t.wait(); });
    weft::yield();
    waiter.cancel();
    CHECK(waiter.get() == weft::errc::canceled);
  });
}

TEST_CASE("timer: zero, negative and past times fire at once") {
  run([] {
    CHECK(!weft::timer(0s).wait(30s));
    CHECK(!weft::timer(-5s).wait(30s));
    CHECK(!weft::timer(weft::clock::now() - 1h).wait(30s));
    weft::timer far(std::chrono::hours::max());
    CHECK(far.wait(1ms) == weft::errc::timed_out);
    CHECK(far.stop());
  });
}

TEST_CASE("timer: what stop and reset return") {
  run([] {
    weft::timer t(30s);
    CHECK(t.stop());
    CHECK(!t.stop());
    CHECK(!t.reset(30s));  // was stopped
    CHECK(t.reset(1ms));   // was armed
    CHECK(!t.wait(30s));
    CHECK(!t.reset(1ms));  // had fired
    CHECK(!t.wait(30s));
    CHECK(!t.stop());
  });
}

TEST_CASE("timer: no value from before after stop or reset") {
  run([] {
    weft::timer t(1ms);
    for (int i = 0; i < 30; ++i) {
      // Fired and not received: the value is taken back.
      weft::sleep(2ms);
      if (i % 2 == 0) {
        t.stop();
        CHECK(t.channel().size() == 0);
        CHECK(t.channel().try_recv().error() == weft::errc::would_block);
        t.reset(1ms);
      } else {
        const auto before = weft::clock::now();
        t.reset(1ms);
        const auto fired = t.channel().recv();
        CHECK((fired && *fired >= before + 1ms));
        t.reset(1ms);
      }
    }
  });
}

// The same at the very moment it fires.
TEST_CASE("timer: stop against firing") {
  run([] {
    constexpr int rounds = scaled(3'000, 500);
    std::minstd_rand random(3);
    int stopped = 0;
    int fired = 0;
    int stale = 0;
    for (int i = 0; i < rounds; ++i) {
      weft::timer t(std::chrono::microseconds(random() % 60));
      weft::sleep(std::chrono::microseconds(random() % 60));
      const bool was_armed = t.stop();
      ++(was_armed ? stopped : fired);
      if (i % 16 == 0) weft::sleep(200us);
      stale += t.channel().try_recv().has_value();
    }
    CHECK(stale == 0);
    CHECK(stopped + fired == rounds);
  });
}

// A receiver that is parked when it fires and a stop at that moment: stop() says true if and only if
// nothing was received.
TEST_CASE("timer: stop against firing, with a receiver") {
  run([] {
    constexpr int rounds = scaled(3'000, 500);
    std::minstd_rand random(4);
    int wrong = 0;
    for (int i = 0; i < rounds; ++i) {
      weft::timer t(std::chrono::microseconds(random() % 60));
      weft::cancel_source source;
      auto receiver = weft::spawn([&] { return t.channel().recv(source.context()).has_value(); });
      weft::sleep(std::chrono::microseconds(random() % 60));
      const bool was_armed = t.stop();
      source.cancel();
      const bool received = receiver.get();
      wrong += was_armed && received;
    }
    CHECK(wrong == 0);
  });
}

TEST_CASE("timer: reset to earlier and to later") {
  run([] {
    weft::timer t(30s);
    weft::sleep(1ms);
    const auto start = weft::clock::now();
    CHECK(t.reset(2ms));
    CHECK(!t.wait(20s));
    CHECK(weft::clock::now() - start >= 2ms);
    CHECK(weft::clock::now() - start < 10s);

    weft::timer later(2ms);
    const auto from = weft::clock::now();
    later.reset(from + 15ms);
    CHECK(!later.wait());
    CHECK(weft::clock::now() >= from + 15ms);
  });
}

TEST_CASE("timer: resets under its feet, from fibers and threads") {
  run([] {
    weft::timer t(1ms);
    std::atomic<bool> stop{false};
    std::atomic<int> fired{0};
    weft::wait_group all;
    for (unsigned f = 0; f < 6; ++f) {
      all.go([&, f] {
        std::minstd_rand random(f + 1);
        for (int i = 0; i < scaled(3'000, 400); ++i) {
          if (random() % 3 == 0) {
            t.stop();
          } else {
            t.reset(std::chrono::microseconds(random() % 100));
          }
          if (random() % 4 == 0) weft::sleep(std::chrono::microseconds(random() % 50));
        }
      });
    }
    auto counter = weft::spawn([&] {
      while (!stop) {
        if (!t.wait(200us)) ++fired;
      }
    });
    {
      plain_thread thread([&] {
        for (int i = 0; i < 300; ++i) {
          t.reset(std::chrono::microseconds(i % 50));
          weft::sleep(20us);
        }
      });
    }
    all.wait();
    stop = true;
    counter.get();
    CHECK(fired > 0);
    // It still works.
    t.reset(1ms);
    CHECK(!t.wait(30s));
  });
}

TEST_CASE("timer: many, in a select, and those dropped do not fire") {
  run([] {
    std::vector<weft::timer> timers;
    for (int i = 0; i < 2'000; ++i) timers.emplace_back(30s + i * 1ms);
    weft::chan<weft::clock::time_point> dropped(nullptr);
    {
      weft::timer t(2ms);
      dropped = t.channel();
    }
    weft::timer moved(2ms);
    weft::timer t = std::move(moved);
    CHECK(weft::select(weft::on_recv(timers[1'000].channel(), [](auto) {}), weft::on_recv(dropped, [](auto) {}),
                       weft::on_recv(t.channel(), [](auto) {})) == 2);
    CHECK(dropped.recv(3ms).error() == weft::errc::timed_out);
    for (std::size_t i = 0; i < timers.size(); i += 3) CHECK(timers[i].stop());
    timers[500].reset(1ms);
    CHECK(!timers[500].wait(30s));
    t = weft::timer(1ms);
    CHECK(!t.wait(30s));
  });
}

TEST_CASE("timer: needs a run") {
  CHECK_THROWS_AS(weft::timer(1ms), std::logic_error);
}
