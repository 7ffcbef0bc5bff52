// SPDX-License-Identifier: Apache-2.0
// Closing: for every form; drain first, then `closed`; sending on and closing a closed one are errors.
#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"

using weft::testing_support::run;

namespace {

using channel = weft::chan<int>;
using received = std::expected<int, std::error_code>;

const std::vector<received (*)(channel)> recvs = {
    [](channel c) { return c.recv(); },
    [](channel c) { return c.try_recv(); },
    [](channel c) { return c.recv(std::chrono::seconds(30)); },
    [](channel c) {
      received out;
      weft::select(weft::on_recv(c, [&](received r) { out = r; }));
      return out;
    },
    [](channel c) {
      received out;
      channel other;
      weft::select(weft::on_recv(other, [](received) {}), weft::on_recv(c, [&](received r) { out = r; }));
      return out;
    },
    [](channel c) {
      received out = std::unexpected(std::error_code{});
      weft::select(weft::on_recv(c, [&](received r) { out = r; }), weft::otherwise([] {}));
      return out;
    },
};

const std::vector<std::error_code (*)(channel)> sends = {
    [](channel c) { return c.send(1); },
    [](channel c) { return c.try_send(1); },
    [](channel c) { return c.send(1, std::chrono::milliseconds(0)); },
    [](channel c) {
      std::error_code out;
      weft::select(weft::on_send(c, 1, [&](std::error_code ec) { out = ec; }));
      return out;
    },
    [](channel c) {
      std::error_code out;
      weft::select(weft::on_send(c, 1, [&](std::error_code ec) { out = ec; }), weft::otherwise([] {}));
      return out;
    },
};

}  // namespace

TEST_CASE("go/chan/closed: receivers drain, then hear it") {
  run([] {
    for (auto recv : recvs) {
      for (int values : {0, 1, 10}) {
        channel c(static_cast<std::size_t>(values));
        for (int i = 0; i < values; ++i) CHECK(!c.send(i));
        c.close();
        CHECK(c.closed());
        CHECK(c.size() == static_cast<std::size_t>(values));
        for (int i = 0; i < values; ++i) CHECK(recv(c) == i);
        for (int i = 0; i < 3; ++i) {
          const received r = recv(c);
          CHECK(!r);
          CHECK(r.error() == weft::errc::closed);
        }
      }
    }
  });
}

TEST_CASE("go/chan/closed: senders hear it, full or not") {
  run([] {
    for (auto send : sends) {
      for (int values : {0, 1, 2}) {
        channel c(2);
        for (int i = 0; i < values; ++i) CHECK(!c.send(i));
        c.close();
        CHECK(send(c) == weft::errc::closed);
        CHECK(c.size() == static_cast<std::size_t>(values));
      }
    }
  });
}

TEST_CASE("go/chan/closed: close wakes every waiter") {
  run([] {
    for (bool sending : {false, true}) {
      channel c;
      weft::wait_group all;
      std::atomic<int> heard{0};
      for (int i = 0; i < 50; ++i) {
        all.go([c, i, sending, &heard]() mutable {
          std::error_code ec;
          if (sending) {
            ec = i % 2 == 0 ? c.send(i) : sends[3](c);
          } else {
            const received r = i % 2 == 0 ? c.recv() : recvs[4](c);
            if (!r) ec = r.error();
          }
          if (ec == weft::errc::closed) ++heard;
        });
      }
      for (int i = 0; i < 5; ++i) weft::yield();  // some have parked, some come later
      c.close();
      all.wait();
      CHECK(heard == 50);
    }
  });
}

TEST_CASE("go/chan/closed: misuse") {
  run([] {
    channel c;
    c.close();
    CHECK_THROWS_AS(c.close(), std::logic_error);
    channel nil(nullptr);
    CHECK_THROWS_AS(nil.close(), std::logic_error);
    CHECK(c.recv().error() == weft::errc::closed);  // still in order after the failed close
  });
}
