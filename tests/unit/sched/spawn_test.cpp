// SPDX-License-Identifier: Apache-2.0
// Starting fibers: what can be a closure, what a fiber knows about itself, its place in the queue.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <weft/weft.hpp>

#include "tests/support/eventually.hpp"
#include "tests/support/fibers.hpp"

using namespace std::chrono_literals;
using weft::testing_support::eventually;
using weft::testing_support::plain_thread;
using weft::testing_support::run;

namespace {

template <std::size_t Size>
struct payload {
  std::array<unsigned char, Size> bytes;
  payload() {
    for (std::size_t i = 0; i < Size; ++i) bytes[i] = static_cast<unsigned char>(i * 31);
  }
  [[nodiscard]] bool intact() const {
    for (std::size_t i = 0; i < Size; ++i) {
      if (bytes[i] != static_cast<unsigned char>(i * 31)) return false;
    }
    return true;
  }
};

template <std::size_t Align>
struct alignas(Align) aligned {
  [[nodiscard]] bool well_placed() const { return reinterpret_cast<std::uintptr_t>(this) % Align == 0; }
  std::byte b{};
};

struct throws_when_copied {
  explicit throws_when_copied(std::shared_ptr<int> p) : alive(std::move(p)) {}
  throws_when_copied(const throws_when_copied&) { throw std::runtime_error("copy"); }
  throws_when_copied& operator=(const throws_when_copied&) = delete;
  void operator()() const {}
  std::shared_ptr<int> alive;
};

template <std::size_t Size>
void check_size() {
  std::atomic<bool> intact{false};
  weft::wait_group wg;
  wg.go([p = payload<Size>(), &intact] { intact = p.intact(); });
  wg.wait();
  CHECK_MESSAGE(intact, Size);
}

template <std::size_t Align>
void check_alignment() {
  std::atomic<bool> right{false};
  weft::wait_group wg;
  wg.go([a = aligned<Align>(), &right] { right = a.well_placed(); });
  wg.wait();
  CHECK_MESSAGE(right, Align);
}

}  // namespace

TEST_CASE("spawn: closures of every size and alignment") {
  run([] {
    check_size<1>();
    check_size<500>();
    check_size<2000>();
    check_size<2048>();
    check_size<2049>();
    check_size<4096>();
    check_size<64 * 1024>();
    check_alignment<16>();
    check_alignment<32>();
    check_alignment<64>();
    check_alignment<128>();
    check_alignment<1024>();
    check_alignment<4096>();
  });
}

TEST_CASE("spawn: move-only and mutable closures") {
  run([] {
    weft::chan<int> out;
    weft::go([p = std::make_unique<int>(4), out]() mutable { (void)out.send(++*p); });
    CHECK(out.recv() == 5);
    auto named = [p = std::make_unique<int>(1), out]() mutable { (void)out.send(*p); };
    weft::go(std::move(named));
    CHECK(out.recv() == 1);
    // A function, and an lvalue, which is copied.
    static std::atomic<int> calls{0};
    weft::go(+[] { ++calls; });
    auto lambda = [] { ++calls; };
    weft::go(lambda);
    lambda();
    CHECK(eventually([] { return calls == 3; }));
  });
}

TEST_CASE("spawn: a closure is destroyed once, on its fiber, before the fiber ends") {
  run([] {
    struct probe {
      explicit probe(std::atomic<std::uint64_t>* d) : died_on(d) {}
      probe(probe&& o) noexcept : died_on(std::exchange(o.died_on, nullptr)) {}
      ~probe() {
        if (died_on != nullptr) *died_on = weft::this_fiber::id();
      }
      std::atomic<std::uint64_t>* died_on;
    };
    std::atomic<std::uint64_t> died_on{0};
    std::atomic<std::uint64_t> ran_on{0};
    weft::go([p = probe(&died_on), &ran_on] { ran_on = weft::this_fiber::id(); });
    CHECK(eventually([&] { return died_on != 0; }));
    CHECK(died_on == ran_on);
  });
}

TEST_CASE("spawn: a closure that throws while it is copied leaves nothing behind") {
  run([] {
    auto alive = std::make_shared<int>(1);
    const throws_when_copied f(alive);
    for (int i = 0; i < 100; ++i) {
      CHECK_THROWS_AS(weft::go(f), std::runtime_error);
      CHECK_THROWS_AS((void)weft::spawn(f), std::runtime_error);
    }
    CHECK(weft::num_fibers() == 1);
    CHECK(alive.use_count() == 2);
    weft::spawn([] {}).get();  // and the next one works
  });
}

TEST_CASE("spawn: names are copied and cut") {
  run([] {
    std::string name = "a-name-of-my-own";
    auto t = weft::spawn([] { return weft::this_fiber::name(); }, {.name = name});
    name.assign(name.size(), 'x');
    CHECK(t.get() == "a-name-of-my-own");
    const std::string long_name(100, 'n');
    CHECK(weft::spawn([] { return weft::this_fiber::name(); }, {.name = long_name}).get() == std::string(31, 'n'));
    CHECK(weft::spawn([] { return weft::this_fiber::name(); }).get().empty());  // not the one before's
  });
}

TEST_CASE("spawn: ids are never used again, also over runs") {
  static std::set<std::uint64_t> ids;
  const auto before = ids.size();
  for (int r = 0; r < 3; ++r) {
    run([] {
      CHECK(ids.insert(weft::this_fiber::id()).second);
      for (int i = 0; i < 500; ++i) {
        const auto id = weft::spawn([] { return weft::this_fiber::id(); }).get();
        CHECK(id != 0);
        CHECK(ids.insert(id).second);
      }
    });
  }
  CHECK(ids.size() == before + 3 * 501);
}

TEST_CASE("spawn: from plain threads") {
  CHECK_THROWS_AS(weft::go([] {}), std::logic_error);
  CHECK(weft::try_go([] {}) == weft::errc::not_running);
  run([] {
    weft::chan<int> c;
    plain_thread thread([c]() mutable {
      for (int i = 0; i < 100; ++i) {
        weft::go([c, i]() mutable { (void)c.send(i); });
        CHECK(!weft::try_go([c]() mutable { (void)c.send(1000); }));
      }
    });
    int sum = 0;
    for (int i = 0; i < 200; ++i) sum += c.recv().value_or(-1);
    CHECK(sum == 99 * 50 + 100 * 1000);
  });
  CHECK_THROWS_AS(weft::go([] {}), std::logic_error);
}

TEST_CASE("spawn: try_go leaves the closure alone when it fails") {
  auto p = std::make_unique<int>(3);
  auto f = [p = std::move(p)] { CHECK(*p == 3); };
  CHECK(weft::try_go(std::move(f)) == weft::errc::not_running);
  f();
}

// On one P the order is known: `next` runs before what was queued, `tail` after it.
TEST_CASE("spawn: places in the queue") {
  run(
      [] {
        std::vector<int> order;
        weft::wait_group all;
        for (int i = 0; i < 5; ++i) all.go([&, i] { order.push_back(i); }, {.place = weft::place::tail});
        all.wait();
        CHECK(order == std::vector{0, 1, 2, 3, 4});
        order.clear();
        all.go([&] { order.push_back(1); }, {.place = weft::place::tail});
        all.go([&] { order.push_back(2); }, {.place = weft::place::tail});
        all.go([&] { order.push_back(0); }, {.place = weft::place::next});
        all.wait();
        CHECK(order == std::vector{0, 1, 2});
      },
      {.procs = 1});
}

TEST_CASE("yield: lets the others run, in turn") {
  run(
      [] {
        std::vector<int> order;
        weft::wait_group all;
        for (int i = 0; i < 3; ++i) {
          all.go(
              [&, i] {
                for (int k = 0; k < 4; ++k) {
                  order.push_back(i);
                  weft::yield();
                }
              },
              {.place = weft::place::tail});
        }
        all.wait();
        CHECK(order == std::vector{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2});
      },
      {.procs = 1});
}

// More fibers than a P's ring holds, on one P: those in the global queue have their turns, too.
TEST_CASE("yield: nobody is left behind") {
  run(
      [] {
        constexpr int fibers = 400;
        constexpr int turns = 300;
        std::array<int, fibers> count{};
        bool first = true;
        weft::chan<int> gate;
        weft::wait_group all;
        for (auto& mine : count) {
          all.go([&, gate]() mutable {
            (void)gate.recv();
            for (int k = 0; k < turns; ++k) {
              ++mine;
              weft::yield();
            }
            if (std::exchange(first, false)) CHECK(std::count(count.begin(), count.end(), 0) == 0);
          });
        }
        weft::yield();
        gate.close();
        all.wait();
        CHECK(std::count(count.begin(), count.end(), turns) == fibers);
      },
      {.procs = 1});
}

// A pair that wakes each other again and again inherits its slice and cannot starve a third.
TEST_CASE("yield: a ping-pong pair does not starve a bystander") {
  run([] {
    weft::chan<int> ping;
    weft::chan<int> pong;
    std::atomic<bool> stop{false};
    auto player = weft::spawn([=]() mutable {
      for (int v : ping) {
        if (pong.send(v)) break;
      }
    });
    auto partner = weft::spawn([&, ping, pong]() mutable {
      while (!stop) {
        (void)ping.send(1);
        (void)pong.recv();
      }
      ping.close();
    });
    std::atomic<int> looks{0};
    auto bystander = weft::spawn([&] {
      for (int i = 0; i < 200; ++i) {
        ++looks;
        weft::yield();
      }
    });
    CHECK(eventually([&] { return looks == 200; }));
    stop = true;
    partner.get();
    player.get();
    bystander.get();
  });
}
