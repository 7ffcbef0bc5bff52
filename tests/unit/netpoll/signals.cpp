// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <csignal>
#include <optional>

#include <unistd.h>

#include <weft/go.hpp>
#include <weft/select.hpp>
#include <weft/signal.hpp>

#include "tests/unit/netpoll/pair.hpp"

using namespace std::chrono_literals;
using namespace weft::testing_support;
using weft::errc;

namespace {

// To the process, not to this thread as raise() would.
void send_signal(int signal) {
  CHECK(::kill(::getpid(), signal) == 0);
}

}  // namespace

TEST_CASE("SIGTERM comes out of the channel") {
  run([] {
    auto stop = weft::notify_signals({SIGTERM, SIGINT});
    CHECK(stop.has_value());
    for (int i = 0; i < 20; ++i) {
      const int sent = i % 2 == 0 ? SIGTERM : SIGINT;
      send_signal(sent);
      const auto got = stop->recv(10s);
      CHECK(got.has_value());
      if (got) CHECK(*got == sent);
    }
    CHECK(stop->recv(1ms).error() == errc::timed_out);
    bool selected = false;
    send_signal(SIGTERM);
    weft::select(weft::on_recv(*stop, [&](auto s) { selected = s.has_value(); }), weft::after(10s, [] {}));
    CHECK(selected);
  });
}

TEST_CASE("each channel that asked for a signal gets it") {
  run([] {
    auto one = weft::notify_signals({SIGUSR1});
    auto two = weft::notify_signals({SIGUSR1, SIGUSR2});
    CHECK((one.has_value() && two.has_value()));
    send_signal(SIGUSR1);
    CHECK(one->recv(10s) == SIGUSR1);
    CHECK(two->recv(10s) == SIGUSR1);
    send_signal(SIGUSR2);
    CHECK(two->recv(10s) == SIGUSR2);
    CHECK(one->recv(1ms).error() == errc::timed_out);
  });
}

TEST_CASE("a full channel keeps one of each, and holds up nobody") {
  run([] {
    auto full = weft::notify_signals({SIGUSR1, SIGUSR2});
    auto other = weft::notify_signals({SIGUSR1, SIGUSR2});
    CHECK((full.has_value() && other.has_value()));
    for (int i = 0; i < 30; ++i) {
      send_signal(SIGUSR1);
      CHECK(other->recv(10s) == SIGUSR1);
    }
    CHECK(full->size() == 16);
    send_signal(SIGUSR2);
    CHECK(other->recv(10s) == SIGUSR2);
    int first = 0;
    int second = 0;
    while (second == 0) {
      const auto got = full->recv(10s);
      CHECK(got.has_value());
      if (!got) break;
      (*got == SIGUSR1 ? first : second) += 1;
    }
    CHECK(second == 1);
    CHECK(first >= 16);
  });
}

TEST_CASE("the channel is closed at the end of the run, and the next run has its own") {
  std::optional<weft::chan<int>> kept;
  for (int i = 0; i < 3; ++i) {
    run([&] {
      auto c = weft::notify_signals({SIGUSR1});
      CHECK(c.has_value());
      send_signal(SIGUSR1);
      CHECK(c->recv(10s) == SIGUSR1);
      kept = *c;
    });
    CHECK(kept->closed());
    CHECK(kept->recv().error() == errc::closed);
  }
}

TEST_CASE("a channel that its owner closed gets nothing more") {
  run([] {
    auto gone = weft::notify_signals({SIGUSR1});
    auto other = weft::notify_signals({SIGUSR1});
    CHECK((gone.has_value() && other.has_value()));
    gone->close();
    for (int i = 0; i < 3; ++i) {
      send_signal(SIGUSR1);
      CHECK(other->recv(10s) == SIGUSR1);
    }
  });
}

TEST_CASE("signals that cannot be taken") {
  run([] {
    for (const int bad :
         {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, 0, -1, 32, 33, 65, 1000}) {
      CHECK(weft::notify_signals({SIGTERM, bad}).error() == std::errc::invalid_argument);
    }
    CHECK(weft::notify_signals({SIGRTMIN, SIGRTMAX}).has_value());
    plain_thread thread([] { CHECK(weft::notify_signals({SIGTERM}).error() == errc::not_running); });
  });
  CHECK(weft::notify_signals({SIGTERM}).error() == errc::not_running);
}
