// SPDX-License-Identifier: Apache-2.0
// Channels between fibers and plain threads, and between plain threads alone.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using namespace std::chrono_literals;
using weft::testing_support::plain_thread;
using weft::testing_support::run;
using weft::testing_support::scaled;

namespace {

constexpr int count = scaled(10'000, 2'000);

}  // namespace

TEST_CASE("chan: from a thread to a fiber and back") {
  run([] {
    for (std::size_t capacity : {0, 1, 100}) {
      weft::chan<int> there(capacity);
      weft::chan<int> back(capacity);
      plain_thread thread([there, back]() mutable {
        for (int v : there) CHECK(!back.send(v * 2));
        back.close();
      });
      auto sender = weft::spawn([there]() mutable {
        for (int i = 0; i < count; ++i) CHECK(!there.send(i));
        there.close();
      });
      int expected = 0;
      for (int v : back) {
        CHECK(v == expected);
        expected += 2;
      }
      CHECK(expected == 2 * count);
      sender.get();
    }
  });
}

TEST_CASE("chan: try-forms, timeouts and close on a thread") {
  run([] {
    plain_thread thread([] {
      weft::chan<int> c(1);
      CHECK(c.try_recv().error() == weft::errc::would_block);
      CHECK(c.recv(2ms).error() == weft::errc::timed_out);
      CHECK(c.recv(-1ms).error() == weft::errc::timed_out);
      CHECK(!c.try_send(1));
      CHECK(c.send(2, 2ms) == weft::errc::timed_out);
      weft::cancel_source source(weft::context::background(), 2ms);
      CHECK(c.send(2, source.context()) == weft::errc::timed_out);
      c.close();
      CHECK(c.recv() == 1);
      CHECK(c.recv().error() == weft::errc::closed);
    });
  });
}

TEST_CASE("chan: a thread's wait ends by a fiber's cancel and close") {
  run([] {
    weft::chan<int> c;
    weft::cancel_source source;
    std::atomic<int> ready{0};
    {
      plain_thread canceled([&, c]() mutable {
        ++ready;
        CHECK(c.recv(source.context()).error() == weft::errc::canceled);
      });
      while (ready == 0) weft::yield();
      weft::sleep(1ms);
      source.cancel();
    }
    {
      plain_thread closed([&, c]() mutable {
        ++ready;
        CHECK(c.recv().error() == weft::errc::closed);
      });
      while (ready == 1) weft::yield();
      weft::sleep(1ms);
      c.close();
    }
  });
}

TEST_CASE("chan: several of both kinds on both sides lose nothing") {
  run([] {
    for (std::size_t capacity : {0, 7}) {
      weft::chan<int> c(capacity);
      constexpr int producers = 4;
      std::vector<std::atomic<int>> seen(static_cast<std::size_t>(producers * count));
      weft::wait_group done_sending;
      weft::wait_group done_receiving;
      auto produce = [&, c](int id) mutable {
        for (int i = 0; i < count; ++i) CHECK(!c.send(id * count + i));
        done_sending.done();
      };
      auto consume = [&, c]() mutable {
        for (int v : c) ++seen[static_cast<std::size_t>(v)];
        done_receiving.done();
      };
      done_sending.add(producers);
      done_receiving.add(4);
      weft::go([=]() mutable { produce(0); });
      weft::go([=]() mutable { produce(1); });
      plain_thread p2([=]() mutable { produce(2); });
      plain_thread p3([=]() mutable { produce(3); });
      weft::go(consume);
      weft::go(consume);
      plain_thread c2(consume);
      plain_thread c3(consume);
      done_sending.wait();
      c.close();
      done_receiving.wait();
      int wrong = 0;
      for (auto& n : seen) wrong += n != 1;
      CHECK(wrong == 0);
    }
  });
}

// Nothing of weft has to be running for two threads to use a channel.
TEST_CASE("chan: between threads, without a run") {
  weft::chan<int> c(2);
  std::thread sender([c]() mutable {
    for (int i = 0; i < 1000; ++i) CHECK(!c.send(i));
    c.close();
  });
  int expected = 0;
  for (int v : c) CHECK(v == expected++);
  CHECK(expected == 1000);
  sender.join();
  CHECK(c.recv(1ms).error() == weft::errc::closed);
  CHECK(weft::chan<int>().recv(2ms).error() == weft::errc::timed_out);
}
