// SPDX-License-Identifier: Apache-2.0
// Four channels under plain and selecting senders and receivers at once; the same channel twice in one
// select.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cstdint>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using weft::testing_support::run;
using weft::testing_support::scaled;

namespace {

using channel = weft::chan<std::int64_t>;
using received = std::expected<std::int64_t, std::error_code>;

}  // namespace

TEST_CASE("go/select/stress") {
  static constexpr std::int64_t count = scaled<std::int64_t>(100'000, 5'000);
  run([] {
    std::array<channel, 4> channels{channel(), channel(), channel(2), channel(3)};
    weft::wait_group all;
    std::array<std::atomic<std::int64_t>, 4> sum{};

    for (std::size_t k = 0; k < 4; ++k) {
      all.go([&, c = channels[k]]() mutable {
        for (std::int64_t i = 0; i < count; ++i) (void)c.send(i);
      });
      all.go([&, k, c = channels[k]]() mutable {
        for (std::int64_t i = 0; i < count; ++i) sum[k] += c.recv().value_or(-1'000'000'000);
      });
    }
    all.go([channels]() mutable {
      std::array<std::int64_t, 4> sent{};
      for (std::int64_t i = 0; i < 4 * count; ++i) {
        auto nothing = [](std::error_code) {};
        const std::size_t k =
            weft::select(weft::on_send(channels[3], sent[3], nothing), weft::on_send(channels[2], sent[2], nothing),
                         weft::on_send(channels[0], sent[0], nothing), weft::on_send(channels[1], sent[1], nothing));
        const std::size_t which = std::array<std::size_t, 4>{3, 2, 0, 1}[k];
        if (++sent[which] == count) channels[which] = channel(nullptr);
      }
    });
    all.go([&, channels]() mutable {
      std::array<std::int64_t, 4> taken{};
      for (std::int64_t i = 0; i < 4 * count; ++i) {
        auto into = [&](std::size_t k) {
          return [&, k](received v) {
            sum[k] += v.value_or(-1'000'000'000);
            if (++taken[k] == count) channels[k] = channel(nullptr);
          };
        };
        weft::select(weft::on_recv(channels[0], into(0)), weft::on_recv(channels[1], into(1)),
                     weft::on_recv(channels[2], into(2)), weft::on_recv(channels[3], into(3)));
      }
    });

    all.wait();
    for (auto& s : sum) CHECK(s == count * (count - 1));  // every channel carried 0..count-1 twice
    for (auto& c : channels) CHECK(c.size() == 0);
  });
}

TEST_CASE("go/select/duplicate_channel") {
  run([] {
    const int rounds = scaled(2'000, 500);
    for (int i = 0; i < rounds; ++i) {
      weft::chan<int> c;
      weft::chan<int> d;
      weft::chan<int> e;
      // Waits on c twice and is ended by d: both of its places in c's queue must go.
      weft::go([=]() mutable {
        auto ignore = [](auto) {};
        CHECK(weft::select(weft::on_recv(c, ignore), weft::on_recv(c, ignore), weft::on_recv(d, ignore)) == 2);
        CHECK(!e.send(9));
      });
      weft::yield();
      auto second = weft::spawn([=]() mutable { return c.recv(); });
      weft::yield();
      CHECK(!d.send(7));
      CHECK(e.recv() == 9);
      CHECK(!c.send(8));
      CHECK(second.get() == 8);
      CHECK(c.try_send(1) == weft::errc::would_block);
    }
  });
}
