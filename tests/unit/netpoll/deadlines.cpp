// SPDX-License-Identifier: Apache-2.0
// Go's net/timeout_test, from its behaviour.
#include <atomic>
#include <string>

#include <weft/go.hpp>
#include <weft/time.hpp>

#include "tests/unit/netpoll/pair.hpp"

using namespace std::chrono_literals;
using namespace weft::testing_support;
using steady = weft::clock;
using weft::errc;

namespace {

constexpr auto none = steady::time_point::max();

}  // namespace

TEST_CASE("a read ends at the deadline, and the data that comes later is not lost") {
  run([] {
    auto [client, server] = connected();
    char buffer[8];
    for (const std::chrono::nanoseconds timeout :
         std::initializer_list<std::chrono::nanoseconds>{1ns, 100us, 5ms, 20ms}) {
      const auto start = steady::now();
      server.set_read_deadline(start + timeout);
      CHECK(server.read(buffer).ec == errc::timed_out);
      CHECK(steady::now() - start >= timeout);
    }
    // A deadline that is over fails at once, even if there is something to read.
    CHECK_FALSE(client.write_all("data").ec);
    CHECK(server.read(buffer).ec == errc::timed_out);
    CHECK(server.read(buffer, 1h).ec == errc::timed_out);
    server.set_read_deadline(none);
    CHECK(read_exactly(server, 4) == "data");
  });
}

TEST_CASE("a call's own limit") {
  run([] {
    auto [client, server] = connected();
    char buffer[8];
    CHECK(server.read(buffer, 5ms).ec == errc::timed_out);
    CHECK(server.read(buffer, 0s).ec == errc::timed_out);
    CHECK(server.read(buffer, -1s).ec == errc::timed_out);
    weft::cancel_source source;
    source.cancel();
    CHECK(server.read(buffer, source.context()).ec == errc::canceled);
    // A limit ends waiting; what can be done at once is done, also after a short read.
    for (int i = 0; i < 10; ++i) {
      CHECK_FALSE(client.write_all("x").ec);
      CHECK(eventually([&] { return server.read(buffer, 0s).n == 1; }));
      CHECK_FALSE(client.write_all("x").ec);
      CHECK(server.read(buffer, source.context()).n == 1);  // loopback: it is there already
    }
  });
}

TEST_CASE("the earlier of the two limits counts") {
  run([] {
    auto [client, server] = connected();
    char buffer[8];
    server.set_read_deadline(1h);
    CHECK(server.read(buffer, 3ms).ec == errc::timed_out);
    server.set_read_deadline(3ms);
    CHECK(server.read(buffer, 1h).ec == errc::timed_out);
  });
}

TEST_CASE("a write ends at the deadline") {
  run([] {
    auto [client, server] = connected();
    (void)fill(client);
    client.set_write_deadline(5ms);
    CHECK(client.write_all("more").ec == errc::timed_out);
    char buffer[8];
    client.set_read_deadline(5ms);
    CHECK(client.read(buffer).ec == errc::timed_out);
    client.set_deadline(none);
    weft::wait_group all;
    all.go([&] { CHECK_FALSE(client.write_all(std::string(1 << 20, 'x')).ec); });
    std::string sink;
    sink.resize(1 << 16);
    while (!server.read(sink, 100ms).ec) {
    }
    all.wait();
  });
}

TEST_CASE("moving the deadline ends a read that waits") {
  run([] {
    auto [client, server] = connected();
    for (int i = 0; i < 50; ++i) {
      server.set_read_deadline(i % 2 == 0 ? none : steady::now() + 1h);
      weft::wait_group all;
      all.go([&] {
        char buffer[8];
        CHECK(server.read(buffer).ec == errc::timed_out);
      });
      if (i % 3 != 0) CHECK(waiting_in_poller(1));
      server.set_deadline(i % 5 == 0 ? steady::time_point::min() : steady::now());
      all.wait();
    }
  });
}

TEST_CASE("a read that waits gets a later deadline") {
  run([] {
    auto [client, server] = connected();
    const auto first = steady::now() + 30ms;
    server.set_read_deadline(first);
    weft::wait_group all;
    all.go([&] {
      char buffer[8];
      const auto r = server.read(buffer);
      CHECK_FALSE(r.ec);
      CHECK(steady::now() > first);
    });
    CHECK(waiting_in_poller(1));
    server.set_read_deadline(none);
    weft::sleep(first + 5ms);
    CHECK_FALSE(client.write_all("x").ec);
    all.wait();
  });
}

TEST_CASE("each direction has its own deadline") {
  run([] {
    auto [client, server] = connected();
    client.set_read_deadline(steady::now());
    char buffer[1];
    CHECK(client.read(buffer).ec == errc::timed_out);
    CHECK_FALSE(client.write_all("x").ec);
    server.set_write_deadline(steady::now());
    CHECK(server.write_all("x").ec == errc::timed_out);
    CHECK(server.read(buffer).n == 1);
  });
}

// Deadlines are moved from all sides while somebody reads; the one that stays last counts.
TEST_CASE("moving deadlines concurrently") {
  run([] {
    auto [client, server] = connected();
    std::atomic<bool> done{false};
    std::atomic<int> reads{0};
    weft::wait_group reader;
    reader.go([&] {
      char buffer[64];
      while (!done) {
        const auto r = server.read(buffer);
        CHECK((!r.ec || r.ec == errc::timed_out));
        reads += static_cast<int>(r.n);
        if (r.ec) weft::yield();
      }
      for (;;) {
        server.set_read_deadline(none);
        const auto r = server.read(buffer);
        reads += static_cast<int>(r.n);
        if (!r.ec || r.ec == errc::timed_out) continue;  // the move that follows `done`
        CHECK(r.ec == errc::eof);
        return;
      }
    });
    const int moves = scaled(1000, 200);
    weft::wait_group movers;
    for (int m = 0; m < 8; ++m) {
      movers.go([&, m] {
        for (int i = 0; i < moves; ++i) {
          switch ((i + m) % 4) {
            case 0:
              server.set_deadline(steady::now() + 1h);
              break;
            case 1:
              server.set_read_deadline(steady::now() - 1h);
              break;
            case 2:
              server.set_read_deadline(steady::now() + 20us);
              break;
            default:
              server.set_deadline(none);
          }
          weft::yield();
        }
      });
    }
    for (int i = 0; i < moves; ++i) {
      CHECK_FALSE(client.write_all("x").ec);
      weft::yield();
    }
    movers.wait();
    done = true;
    server.set_read_deadline(steady::now());
    CHECK_FALSE(client.close());
    reader.wait();
    CHECK(reads == moves);
  });
}

TEST_CASE("accept ends at its limit") {
  run([] {
    auto ln = local_listener();
    CHECK(ln.accept(3ms).error() == errc::timed_out);
    weft::cancel_source source;
    weft::wait_group all;
    all.go([&] { CHECK(ln.accept(source.context()).error() == errc::canceled); });
    CHECK(waiting_in_poller(1));
    source.cancel();
    all.wait();
  });
}
