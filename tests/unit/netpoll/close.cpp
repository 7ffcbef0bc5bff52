// SPDX-License-Identifier: Apache-2.0
// The close contract: whoever waits is let go, and no operation ever meets somebody else's fd. (Go's fd_mutex tests,
// TestCloseUnblocksRead, TestFdRace.)
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weft/chan.hpp>
#include <weft/go.hpp>

#include "netpoll/descriptor.hpp"
#include "tests/unit/netpoll/pair.hpp"

using namespace std::chrono_literals;
using namespace weft::testing_support;
using weft::errc;

TEST_CASE("close ends a read, a write and an accept that wait") {
  run([] {
    auto ln = local_listener();
    auto [client, server] = connect_to(ln);
    (void)fill(client);
    weft::wait_group all;
    all.go([&] {
      char buffer[1];
      CHECK(client.read(buffer).ec == errc::closed);
    });
    all.go([&] {
      const auto r = client.write_all(std::string(1 << 20, 'x'));
      CHECK(r.ec == errc::closed);
    });
    all.go([&] { CHECK(ln.accept().error() == errc::closed); });
    CHECK(waiting_in_poller(3));
    CHECK_FALSE(client.close());
    CHECK_FALSE(ln.close());
    all.wait();
    char buffer[1];
    CHECK(client.read(buffer).ec == errc::closed);
    CHECK(client.write_all("x").ec == errc::closed);
    CHECK(client.close() == errc::closed);
    CHECK(ln.accept().error() == errc::closed);
    CHECK(ln.close() == errc::closed);
  });
}

TEST_CASE("close also ends those who wait for their turn") {
  run([] {
    auto [client, server] = connected();
    weft::wait_group all;
    std::atomic<int> started{0};
    for (int i = 0; i < 10; ++i) {
      all.go([&] {
        char buffer[1];
        ++started;
        CHECK(client.read(buffer).ec == errc::closed);
      });
    }
    CHECK(eventually([&] { return started == 10; }));
    CHECK(waiting_in_poller(1));
    CHECK_FALSE(client.close());
    all.wait();
  });
}

TEST_CASE("of many closers one closes") {
  run([] {
    auto ln = local_listener();
    for (int i = 0; i < scaled(200, 40); ++i) {
      auto [client, server] = connect_to(ln);
      std::atomic<int> closed{0};
      weft::wait_group all;
      all.go([&] {
        char buffer[1];
        CHECK(client.read(buffer).ec == errc::closed);
      });
      for (int k = 0; k < 4; ++k) {
        all.go([&] {
          const auto ec = client.close();
          if (!ec) ++closed;
          CHECK((!ec || ec == errc::closed));
        });
      }
      all.wait();
      CHECK(closed == 1);
    }
  });
}

TEST_CASE("the fd is closed when close() returns") {
  run([] {
    auto [client, server] = connected();
    const int fd = client.native_handle();
    weft::wait_group all;
    for (int i = 0; i < 3; ++i) {
      all.go([&] {
        char buffer[1];
        (void)client.read(buffer);
      });
    }
    CHECK(waiting_in_poller(1));
    CHECK(::fcntl(fd, F_GETFD) >= 0);
    CHECK_FALSE(client.close());
    CHECK(::fcntl(fd, F_GETFD) == -1);
    all.wait();
  });
}

// Connections come and go, so that their fd numbers are used again at once, while readers and writers are at work on
// them: each must meet only the bytes of its own connection.
TEST_CASE("an operation never meets another connection's fd") {
  run([] {
    auto ln = local_listener();
    const int rounds = scaled(300, 60);
    weft::wait_group all;
    std::atomic<int> letter{0};
    for (int worker = 0; worker < 4; ++worker) {
      all.go([&] {
        for (int i = 0; i < rounds; ++i) {
          const char mine = static_cast<char>('A' + letter++ % 26);
          auto dialled = weft::net::dial("tcp", ln.local_address().to_string());
          CHECK(dialled.has_value());
          if (!dialled) return;
          auto& c = *dialled;
          CHECK_FALSE(c.write_all(std::string(1, mine)).ec);  // the server echoes this letter for ever
          weft::wait_group inner;
          for (int k = 0; k < 2; ++k) {
            inner.go([&c, mine] {
              char buffer[256];
              for (;;) {
                const auto r = c.read(buffer);
                CHECK(std::string_view(buffer, r.n).find_first_not_of(mine) == std::string_view::npos);
                if (!r.ec) continue;
                CHECK(r.ec == errc::closed);
                return;
              }
            });
          }
          for (int y = 0; y < i % 7; ++y) weft::yield();
          CHECK_FALSE(c.close());
          inner.wait();
        }
      });
    }
    weft::wait_group servers;
    servers.go([&] {
      while (auto accepted = ln.accept()) {
        servers.go([c = std::make_shared<weft::net::conn>(std::move(*accepted))] {
          const std::string one = read_exactly(*c, 1);
          if (one.empty()) return;
          const std::string many(100, one[0]);
          while (!c->write_all(many).ec) weft::yield();
        });
      }
    });
    all.wait();
    CHECK_FALSE(ln.close());
    servers.wait();
  });
}

TEST_CASE("nothing is left open") {
  const auto count = [] {
    int n = 0;
    for (int fd = 0; fd < 1024; ++fd) n += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return n;
  };
  const int before = count();
  run([] {
    auto ln = local_listener();
    for (int i = 0; i < 50; ++i) {
      auto [client, server] = connect_to(ln);
      CHECK_FALSE(client.write_all("x").ec);
    }
    CHECK(weft::net::dial("tcp", "127.0.0.1:bad").error() == errc::bad_address);
  });
  CHECK(count() == before);
}

namespace {

struct nobody final : weft::rt::ready_list {
  void add(weft::detail::parker*) noexcept override { ++added; }
  int added = 0;
};

}  // namespace

// A poll may still hold an event of a descriptor whose object is another one by now.
TEST_CASE("a late event is dropped") {
  run([] {
    using weft::netpoll::descriptor;
    int fds[2];
    CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    auto first = descriptor::open(fds[0], weft::netpoll::short_transfer::means_drained);
    CHECK(first.has_value());
    const auto old_key = (*first)->key();
    weft::netpoll::close_handle(*first);
    ::close(fds[1]);

    CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    auto second = descriptor::open(fds[0], weft::netpoll::short_transfer::means_drained);
    CHECK(second.has_value());
    CHECK(*second == *first);  // the same object
    CHECK((*second)->key() != old_key);
    weft::wait_group all;
    all.go([&] {
      std::byte buffer[4];
      const auto r = (*second)->read(buffer, {});
      CHECK(r.n == 1);
    });
    CHECK(waiting_in_poller(1));
    nobody list;
    weft::netpoll::deliver(old_key, EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLERR, list);
    weft::netpoll::deliver(0xffff'ffff'ffff'fffe, EPOLLIN, list);  // an index that never was
    CHECK(list.added == 0);
    CHECK(::write(fds[1], "x", 1) == 1);
    all.wait();
    weft::netpoll::close_handle(*second);
    ::close(fds[1]);
  });
}

// A copy of the fd in a forked child keeps the socket alive; the registration must not survive with it.
TEST_CASE("a copy of the fd elsewhere changes nothing") {
  run([] {
    auto [client, server] = connected();
    const int copy = ::dup(client.native_handle());
    CHECK_FALSE(client.close());
    CHECK_FALSE(server.write_all("to the copy").ec);
    auto [client2, server2] = connected();
    CHECK_FALSE(server2.write_all("x").ec);
    CHECK(read_exactly(client2, 1) == "x");
    char buffer[32];
    CHECK(::recv(copy, buffer, sizeof buffer, 0) == 11);
    ::close(copy);
  });
}
