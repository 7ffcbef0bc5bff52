// SPDX-License-Identifier: Apache-2.0
// Listening, dialling and accepting.
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

#include <weft/go.hpp>
#include <weft/time.hpp>

#include "tests/support/skip.hpp"
#include "tests/unit/netpoll/pair.hpp"

using namespace std::chrono_literals;
using namespace weft::testing_support;
using weft::errc;
namespace net = weft::net;

TEST_CASE("dial: nobody listens") {
  run([] {
    auto ln = local_listener();
    const auto where = ln.local_address().to_string();
    CHECK_FALSE(ln.close());
    CHECK(net::dial("tcp", where).error() == std::errc::connection_refused);
    CHECK(net::dial("tcp", where, 1s).error() == std::errc::connection_refused);
    CHECK(net::dial("tcp", "127.0.0.1:0").error() == std::errc::connection_refused);
  });
}

TEST_CASE("dial and listen: bad addresses") {
  run([] {
    for (const char* bad :
         {"", "nonsense", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "::1:80", "[::1", "[1.2.3.4]:80"}) {
      CHECK(net::dial("tcp", bad).error() == errc::bad_address);
      CHECK(net::listen("tcp", bad).error() == errc::bad_address);
    }
    CHECK(net::dial("udp", "127.0.0.1:80").error() == errc::bad_address);
    CHECK(net::listen("", "127.0.0.1:80").error() == errc::bad_address);
    CHECK(net::dial("tcp6", "127.0.0.1:80").error() == errc::bad_address);
    CHECK(net::dial("tcp4", "[::1]:80").error() == errc::bad_address);
    std::string too_long(300, 'a');
    too_long += ":80";
    CHECK(net::dial("tcp", too_long).error() == errc::bad_address);
  });
}

TEST_CASE("dial: a name is looked up") {
  run([] {
    auto ln = local_listener();
    const auto port = std::to_string(ln.local_address().port());
    auto c = net::dial("tcp", "localhost:" + port);
    CHECK_MESSAGE(c.has_value(), (c ? "" : c.error().message()));
    CHECK(net::dial("tcp4", "localhost:" + port).has_value());
    CHECK(net::dial("tcp", ":" + port).has_value());  // no host: this machine
    auto named = net::listen("tcp4", "localhost:0");
    CHECK(named.has_value());
  });
}

TEST_CASE("dial: who gives up does not wait for the lookup") {
  run([] {
    weft::cancel_source source;
    source.cancel();
    const auto ec = net::dial("tcp", "localhost:1", source.context()).error();
    // The lookup may be done before this fiber looks at all, and a connection be refused at once.
    CHECK((ec == errc::canceled || ec == std::errc::connection_refused));
  });
}

namespace {

/// Connections that the kernel has queued until it takes no more: a SYN is then dropped, and a dial waits.
std::vector<net::conn> fill_backlog(net::listener& ln) {
  std::vector<net::conn> queued;
  for (int i = 0; i < 64; ++i) {
    auto c = net::dial("tcp", ln.local_address().to_string(), 50ms);
    if (!c) {
      CHECK(c.error() == errc::timed_out);
      return queued;
    }
    queued.push_back(std::move(*c));
  }
  CHECK(false);
  return queued;
}

}  // namespace

TEST_CASE("dial: its limit, and a context, end it") {
  run([] {
    auto ln = local_listener({.backlog = 1});
    const auto queued = fill_backlog(ln);
    const auto where = ln.local_address().to_string();
    const auto start = weft::clock::now();
    CHECK(net::dial("tcp", where, 30ms).error() == errc::timed_out);
    CHECK(weft::clock::now() - start >= 30ms);
    weft::cancel_source source;
    weft::wait_group all;
    all.go([&] { CHECK(net::dial("tcp", where, source.context()).error() == errc::canceled); });
    CHECK(waiting_in_poller(1));
    source.cancel();
    all.wait();
  });
}

TEST_CASE("listen: the port is taken") {
  run([] {
    auto ln = local_listener();
    const auto where = ln.local_address().to_string();
    CHECK(net::listen("tcp", where).error() == std::errc::address_in_use);
    CHECK_FALSE(ln.close());
    CHECK(net::listen("tcp", where).has_value());  // at once: SO_REUSEADDR
    auto one = net::listen("tcp", "127.0.0.1:0", {.reuse_port = true});
    CHECK(one.has_value());
    auto two = net::listen("tcp", one->local_address().to_string(), {.reuse_port = true});
    CHECK(two.has_value());
  });
}

TEST_CASE("listen: all interfaces, both families") {
  bool v6 = true;
  run([&] {
    auto ln = net::listen("tcp", ":0");
    CHECK(ln.has_value());
    const auto port = std::to_string(ln->local_address().port());
    CHECK(net::dial("tcp4", "127.0.0.1:" + port).has_value());
    v6 = net::listen("tcp6", "[::1]:0").has_value();
    if (!v6) return;
    CHECK(net::dial("tcp6", "[::1]:" + port).has_value());
    auto only6 = net::listen("tcp6", ":0");
    CHECK(only6.has_value());
    const auto port6 = std::to_string(only6->local_address().port());
    CHECK(net::dial("tcp6", "[::1]:" + port6).has_value());
    CHECK(net::dial("tcp4", "127.0.0.1:" + port6).error() == std::errc::connection_refused);
  });
  if (!v6) skip("no IPv6 here");
}

// One event may announce many connections: none may be left in the queue.
TEST_CASE("accept: four acceptors get all of many connections") {
  run([] {
    auto ln = local_listener();
    const int total = scaled(1000, 200);
    std::atomic<int> accepted{0};
    weft::wait_group acceptors;
    for (int i = 0; i < 4; ++i) {
      acceptors.go([&] {
        while (auto c = ln.accept()) {
          ++accepted;  // before the client can know
          CHECK_FALSE(c->write_all("hello").ec);
        }
      });
    }
    weft::wait_group clients;
    for (int i = 0; i < 20; ++i) {
      clients.go([&] {
        for (int k = 0; k < total / 20; ++k) {
          auto c = net::dial("tcp", ln.local_address().to_string());
          CHECK(c.has_value());
          if (c) CHECK(read_exactly(*c, 5, 20s) == "hello");
        }
      });
    }
    clients.wait();
    CHECK(accepted == total);
    CHECK_FALSE(ln.close());
    acceptors.wait();
  });
}

TEST_CASE("accept: connections that were there before, one event for all") {
  run([] {
    auto ln = local_listener();
    std::vector<net::conn> clients;
    for (int i = 0; i < 30; ++i) {
      auto c = net::dial("tcp", ln.local_address().to_string());
      CHECK(c.has_value());
      clients.push_back(std::move(*c));
    }
    std::atomic<int> accepted{0};
    weft::wait_group all;
    for (int i = 0; i < 3; ++i) {
      all.go([&] {
        for (int k = 0; k < 10; ++k) {
          CHECK(ln.accept(10s).has_value());
          ++accepted;
        }
      });
    }
    all.wait();
    CHECK(accepted == 30);
    CHECK(ln.accept(1ms).error() == errc::timed_out);
  });
}

namespace {

/// No new fd in this process while it lives.
class no_more_files {
 public:
  no_more_files() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int lowest_free = ::dup(0);
    ::close(lowest_free);
    rlimit now = before_;
    now.rlim_cur = static_cast<rlim_t>(lowest_free);
    CHECK(::setrlimit(RLIMIT_NOFILE, &now) == 0);
  }
  ~no_more_files() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("accept: too many open files is reported, and nothing is lost") {
  run([] {
    auto ln = local_listener();
    CHECK(ln.accept(1ms).error() == errc::timed_out);  // so that accept waits for an event first
    std::vector<net::conn> clients;
    for (int i = 0; i < 3; ++i) {
      auto c = net::dial("tcp", ln.local_address().to_string());
      CHECK(c.has_value());
      clients.push_back(std::move(*c));
    }
    const auto start = weft::clock::now();
    {
      const no_more_files limit;
      CHECK(ln.accept(10s).error() == std::errc::too_many_files_open);
      CHECK(ln.accept(10s).error() == std::errc::too_many_files_open);
      CHECK(net::dial("tcp", ln.local_address().to_string()).error() == std::errc::too_many_files_open);
      CHECK(net::listen("tcp", "127.0.0.1:0").error() == std::errc::too_many_files_open);
    }
    for (int i = 0; i < 3; ++i) CHECK(ln.accept(10s).has_value());
    CHECK(weft::clock::now() - start < 8s);  // none of them needed its limit
    CHECK(ln.accept(1ms).error() == errc::timed_out);
  });
}

TEST_CASE("a client that resets at once does not hurt accept") {
  run([] {
    auto ln = local_listener();
    for (int i = 0; i < 20; ++i) {
      auto c = net::dial("tcp", ln.local_address().to_string());
      CHECK(c.has_value());
      CHECK_FALSE(c->set_reset_on_close(true));
      CHECK_FALSE(c->close());
    }
    auto good = net::dial("tcp", ln.local_address().to_string());
    CHECK(good.has_value());
    CHECK_FALSE(good->write_all("x").ec);
    bool found = false;
    for (int i = 0; i < 21 && !found; ++i) {
      auto c = ln.accept(10s);
      CHECK(c.has_value());
      if (c) found = read_exactly(*c, 1, 10s) == "x";
    }
    CHECK(found);
  });
}

TEST_CASE("from a plain thread") {
  run([] {
    auto ln = local_listener();
    weft::go([&] {
      while (auto c = ln.accept()) {
        char buffer[16];
        const auto r = c->read(buffer);
        (void)c->write_all(std::string_view(buffer, r.n));
      }
    });
    plain_thread thread([&] {
      for (int i = 0; i < 20; ++i) {
        auto c = net::dial("tcp", i % 2 == 0 ? ln.local_address().to_string()
                                             : "localhost:" + std::to_string(ln.local_address().port()));
        CHECK(c.has_value());
        if (!c) continue;
        CHECK_FALSE(c->write_all("ping").ec);
        CHECK(read_exactly(*c, 4) == "ping");
        char buffer[1];
        CHECK(c->read(buffer).ec == errc::eof);
        CHECK_FALSE(c->close());
      }
      auto [client, server] = connected();
      char buffer[1];
      CHECK(client.read(buffer, 5ms).ec == errc::timed_out);
    });
    thread.join();
  });
}

TEST_CASE("a thread whose run is over is told so") {
  std::thread thread;
  std::atomic<bool> holds{false};
  std::atomic<bool> run_over{false};
  std::error_code waited, later;
  run([&] {
    auto ln = local_listener();
    thread = std::thread([&, where = ln.local_address().to_string()] {
      auto c = net::dial("tcp", where);
      if (!c) return;
      holds = true;
      char buffer[1];
      waited = c->read(buffer).ec;
      while (!run_over) std::this_thread::sleep_for(1ms);
      later = c->write_all("x").ec;
      (void)c->close();
    });
    auto server = ln.accept();
    CHECK(server.has_value());
    CHECK(eventually([&] { return holds.load(); }));
    CHECK(waiting_in_poller(1));
    server->set_reset_on_close(false);
    static std::optional<net::conn> kept;  // so that its end of the connection outlives the run
    kept.emplace(std::move(*server));
  });
  run_over = true;
  thread.join();
  CHECK(waited == errc::not_running);
  CHECK(later == errc::not_running);
}
