// SPDX-License-Identifier: Apache-2.0
// The epoll poller alone, on plain threads.
#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include "netpoll/backend.hpp"
#include "netpoll/epoll.hpp"
#include "runtime/os/epoll.hpp"
#include "runtime/os/fallback.hpp"
#include "tests/unit/netpoll/pair.hpp"

using namespace std::chrono_literals;
using namespace weft::testing_support;
using steady = weft::clock;
using weft::netpoll::make_epoll_poller;

namespace {

struct nobody final : weft::rt::ready_list {
  void add(weft::detail::parker*) noexcept override { ++added; }
  int added = 0;
};

constexpr auto do_not_wait = steady::time_point::min();
constexpr auto for_ever = steady::time_point::max();

}  // namespace

TEST_CASE("a poll without events waits until its deadline") {
  const auto poller = make_epoll_poller();
  nobody list;
  CHECK(poller->poll(do_not_wait, list) == 0);
  CHECK(poller->poll(steady::now() - 1h, list) == 0);
  CHECK(poller->poll(steady::time_point::min() + 1ns, list) == 0);
  for (const auto timeout : {30us, 300us, 2500us}) {
    const auto deadline = steady::now() + timeout;
    CHECK(poller->poll(deadline, list) == 0);
    CHECK(steady::now() >= deadline);
  }
  CHECK(list.added == 0);
  CHECK(poller->waiters() == 0);
}

TEST_CASE("timeouts are finer than a millisecond, or whole ones without epoll_pwait2") {
  const auto poller = make_epoll_poller();
  nobody list;
  const auto best_of = [&](int tries) {
    auto best = steady::duration::max();
    for (int i = 0; i < tries; ++i) {
      const auto start = steady::now();
      CHECK(poller->poll(start + 200us, list) == 0);
      CHECK(steady::now() >= start + 200us);
      best = std::min(best, steady::now() - start);
    }
    return best;
  };
  CHECK(best_of(50) < 950us);
  weft::rt::os::force(static_cast<unsigned>(weft::rt::os::fallback::epoll_pwait2));
  CHECK(best_of(5) >= 990us);  // rounded up, never down
  {
    const auto deadline = steady::now() + 2500us;
    CHECK(poller->poll(deadline, list) == 0);
    CHECK(steady::now() >= deadline);
  }
  weft::rt::os::force(0);
}

TEST_CASE("the network works without epoll_pwait2") {
  weft::rt::os::force(static_cast<unsigned>(weft::rt::os::fallback::epoll_pwait2));
  run([] {
    auto [client, server] = connected();
    char buffer[1];
    CHECK(server.read(buffer, 3ms).ec == weft::errc::timed_out);
    CHECK_FALSE(client.write_all("x").ec);
    CHECK(server.read(buffer).n == 1);
  });
  weft::rt::os::force(0);
}

TEST_CASE("wake ends this poll or the next") {
  const auto poller = make_epoll_poller();
  nobody list;
  poller->wake();
  poller->wake();
  CHECK(poller->poll(for_ever, list) == 0);
  // The two were one: the next poll waits.
  const auto deadline = steady::now() + 2ms;
  CHECK(poller->poll(deadline, list) == 0);
  CHECK(steady::now() >= deadline);
  // Looking without waiting does not use a wake up.
  poller->wake();
  CHECK(poller->poll(do_not_wait, list) == 0);
  CHECK(poller->poll(do_not_wait, list) == 0);
  CHECK(poller->poll(for_ever, list) == 0);
}

// Others that only look may take the waking edge from the one that waits.
TEST_CASE("no wake is lost, whoever else looks") {
  const auto poller = make_epoll_poller();
  std::atomic<bool> stop{false};
  std::vector<std::thread> lookers;
  for (int i = 0; i < 2; ++i) {
    lookers.emplace_back([&] {
      nobody list;
      while (!stop) {
        (void)poller->poll(do_not_wait, list);
        std::this_thread::yield();
      }
    });
  }
  const int rounds = scaled(20'000, 2000);
  std::atomic<int> woken{0};
  std::atomic<int> asked{0};
  std::thread sleeper([&] {
    nobody list;
    for (int i = 1; i <= rounds; ++i) {
      // Each round is ended by a wake of its own: asked is raised before it.
      while (asked.load() < i) (void)poller->poll(for_ever, list);
      woken = i;
    }
  });
  for (int i = 1; i <= rounds; ++i) {
    asked = i;
    poller->wake();
    while (woken < i) std::this_thread::yield();
  }
  sleeper.join();
  stop = true;
  for (auto& t : lookers) t.join();
}

TEST_CASE("waking from several threads") {
  const auto poller = make_epoll_poller();
  std::atomic<int> asked{0};
  const int each = scaled(5000, 500);
  std::vector<std::thread> wakers;
  for (int i = 0; i < 3; ++i) {
    wakers.emplace_back([&] {
      for (int k = 0; k < each; ++k) {
        ++asked;
        poller->wake();
        if (k % 16 == 0) std::this_thread::yield();
      }
    });
  }
  nobody list;
  while (asked < 3 * each) (void)poller->poll(for_ever, list);
  for (auto& t : wakers) t.join();
}

TEST_CASE("the kernel's refusals are values") {
  const auto poller = make_epoll_poller();
  auto& backend = static_cast<weft::netpoll::backend&>(*poller);
  CHECK(backend.add(-1, 0) == std::errc::bad_file_descriptor);
  CHECK(backend.add(0x7fff, 0) == std::errc::bad_file_descriptor);
  backend.remove(-1);  // EBADF, ENOENT: it is not there, as wanted
  int fds[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  backend.remove(fds[0]);
  CHECK_FALSE(backend.add(fds[0], 1));
  CHECK(backend.add(fds[0], 1) == std::errc::file_exists);
  backend.remove(fds[0]);
  ::close(fds[0]);
  ::close(fds[1]);
}

TEST_CASE("a full batch is collected in several polls") {
  const auto poller = make_epoll_poller();
  auto& backend = static_cast<weft::netpoll::backend&>(*poller);
  std::vector<int> fds;
  for (int i = 0; i < 200; ++i) {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    fds.insert(fds.end(), {pair[0], pair[1]});
  }
  for (const int fd : fds) CHECK_FALSE(backend.add(fd, 0xffff'fff0));  // nobody's key
  nobody list;
  int events = 0;
  while (events < 400) {
    const int n = poller->poll(steady::now() + 1s, list);
    if (n == 0) break;
    events += n;
  }
  CHECK(events == 400);
  CHECK(list.added == 0);
  for (const int fd : fds) ::close(fd);
}
