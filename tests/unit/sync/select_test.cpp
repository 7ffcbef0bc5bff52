// SPDX-License-Identifier: Apache-2.0
// select: what it returns, which handler runs, and all its kinds of cases.
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"

using namespace std::chrono_literals;
using weft::testing_support::plain_thread;
using weft::testing_support::run;

namespace {

constexpr auto ignore = [](auto) {};
constexpr auto nothing = [] {};

}  // namespace

TEST_CASE("select: returns the index and runs only that handler") {
  run([] {
    weft::chan<int> a(1);
    weft::chan<std::string> b(1);
    weft::chan<int> full(1);
    CHECK(!full.send(0));
    CHECK(!b.send("text"));
    int ran = 0;
    std::string got;
    const auto index =
        weft::select(weft::on_recv(a, [&](auto) { ran += 100; }), weft::on_send(full, 1, [&](auto) { ran += 100; }),
                     weft::on_recv(b,
                                   [&](const auto& r) {
                                     ++ran;
                                     got = r.value_or("");
                                   }),
                     weft::after(30s, [&] { ran += 100; }));
    CHECK(index == 2);
    CHECK(ran == 1);
    CHECK(got == "text");
  });
}

TEST_CASE("select: parks and is woken by each kind of case") {
  run([] {
    weft::chan<int> in;
    weft::chan<int> out;
    weft::cancel_source source;
    auto wait = [&](weft::task<void> waker, std::chrono::milliseconds timeout = 30s) {
      const auto index = weft::select(
          weft::on_recv(in, [](auto r) { CHECK(r == 1); }), weft::on_send(out, 2, [](auto ec) { CHECK(!ec); }),
          weft::on_done(source.context(), [](auto ec) { CHECK(ec == weft::errc::canceled); }),
          weft::after(timeout, nothing));
      waker.get();
      return index;
    };
    auto late = [](auto f) {
      return weft::spawn([f]() mutable {
        weft::sleep(1ms);
        f();
      });
    };
    CHECK(wait(late([in]() mutable { CHECK(!in.send(1)); })) == 0);
    CHECK(wait(late([out]() mutable { CHECK(out.recv() == 2); })) == 1);
    CHECK(wait(late(nothing), 2ms) == 3);
    CHECK(wait(late([&] { source.cancel(); })) == 2);
    CHECK(wait(late(nothing)) == 2);  // done already
    // The select that lost left nothing behind.
    CHECK(in.try_send(1) == weft::errc::would_block);
    CHECK(out.try_recv().error() == weft::errc::would_block);
  });
}

TEST_CASE("select: on_done tells a deadline from a cancellation, and takes a handler without arguments") {
  run([] {
    weft::cancel_source late(weft::context::background(), 1ms);
    std::error_code why;
    CHECK(weft::select(weft::on_done(late.context(), [&](std::error_code ec) { why = ec; })) == 0);
    CHECK(why == weft::errc::timed_out);
    bool ran = false;
    CHECK(weft::select(weft::on_done(late.context(), [&] { ran = true; })) == 0);
    CHECK(ran);
    // The background context is never done.
    CHECK(weft::select(weft::on_done(weft::context::background(), nothing), weft::after(1ms, nothing)) == 1);
  });
}

TEST_CASE("select: watches its fiber's context only when told") {
  run([] {
    weft::chan<int> c;
    auto deaf = weft::spawn([c]() mutable { return weft::select(weft::on_recv(c, ignore)); });
    auto listening = weft::spawn([c]() mutable {
      return weft::select(weft::on_recv(c, ignore), weft::on_done(weft::this_fiber::context(), nothing));
    });
    deaf.cancel();
    listening.cancel();
    CHECK(listening.get() == 1);
    weft::sleep(1ms);
    CHECK(!deaf.done());
    CHECK(!c.send(1));
    CHECK(deaf.get() == 0);
  });
}

TEST_CASE("select: after is not early, and zero or negative is now") {
  run([] {
    weft::chan<int> c;
    const auto start = weft::clock::now();
    CHECK(weft::select(weft::on_recv(c, ignore), weft::after(5ms, nothing)) == 1);
    CHECK(weft::clock::now() - start >= 5ms);
    CHECK(weft::select(weft::on_recv(c, ignore), weft::after(0ms, nothing)) == 1);
    CHECK(weft::select(weft::on_recv(c, ignore), weft::after(-5ms, nothing)) == 1);
    CHECK(weft::select(weft::on_recv(c, ignore), weft::after(weft::clock::now() - 1s, nothing)) == 1);
    // The earlier of two.
    CHECK(weft::select(weft::after(1h, nothing), weft::on_recv(c, ignore), weft::after(2ms, nothing)) == 2);
    // Too far away to be a time: like no case at all.
    CHECK(weft::select(weft::after(std::chrono::hours::max(), nothing), weft::after(1ms, nothing)) == 1);
  });
}

TEST_CASE("select: otherwise only when nothing is ready, wherever it stands") {
  run([] {
    weft::chan<int> c(1);
    CHECK(weft::select(weft::otherwise(nothing), weft::on_recv(c, ignore)) == 0);
    CHECK(weft::select(weft::on_recv(c, ignore), weft::otherwise(nothing)) == 1);
    CHECK(weft::select(weft::otherwise(nothing), weft::on_send(c, 1, ignore)) == 1);
    for (int i = 0; i < 100; ++i) {
      CHECK(weft::select(weft::otherwise(nothing), weft::on_recv(c, ignore)) == 1);
      CHECK(!c.send(1));
    }
  });
}

TEST_CASE("select: closed channels are ready") {
  run([] {
    weft::chan<int> c(1);
    CHECK(!c.send(4));
    c.close();
    std::error_code sent;
    CHECK(weft::select(weft::on_send(c, 1, [&](auto ec) { sent = ec; })) == 0);
    CHECK(sent == weft::errc::closed);
    int got = 0;
    CHECK(weft::select(weft::on_recv(c, [&](auto r) { got = r.value_or(-1); })) == 0);
    CHECK(got == 4);
    CHECK(weft::select(weft::on_recv(c, [&](auto r) { CHECK(r.error() == weft::errc::closed); })) == 0);
  });
}

TEST_CASE("select: a close wakes a parked select, sending or receiving") {
  run([] {
    for (bool sending : {false, true}) {
      weft::chan<int> c;
      weft::chan<int> other;
      auto waiter = weft::spawn([&] {
        std::error_code heard;
        if (sending) {
          CHECK(weft::select(weft::on_recv(other, ignore), weft::on_send(c, 1, [&](auto ec) { heard = ec; })) == 1);
        } else {
          CHECK(weft::select(weft::on_recv(other, ignore), weft::on_recv(c, [&](auto r) {
                               if (!r) heard = r.error();
                             })) == 1);
        }
        return heard;
      });
      weft::sleep(1ms);
      c.close();
      CHECK(waiter.get() == weft::errc::closed);
    }
  });
}

TEST_CASE("select: nil channels are never ready") {
  run([] {
    weft::chan<int> nil(nullptr);
    CHECK(weft::select(weft::on_recv(nil, ignore), weft::on_send(nil, 1, ignore), weft::after(2ms, nothing)) == 2);
    CHECK(weft::select(weft::on_recv(nil, ignore), weft::on_send(nil, 1, ignore), weft::otherwise(nothing)) == 2);
    weft::chan<int> c;
    auto sender = weft::spawn([c]() mutable { return c.send(3); });
    CHECK(weft::select(weft::on_recv(nil, ignore), weft::on_recv(c, [](auto r) { CHECK(r == 3); })) == 1);
    CHECK(!sender.get());
  });
}

TEST_CASE("select: a value not sent is kept by the case") {
  run([] {
    weft::chan<std::unique_ptr<int>> c;
    weft::chan<std::unique_ptr<int>> d(1);
    auto send_c = weft::on_send(c, std::make_unique<int>(6), ignore);
    CHECK(weft::select(send_c, weft::after(1ms, nothing)) == 1);
    auto receiver = weft::spawn([c]() mutable { return c.recv(); });
    CHECK(weft::select(send_c) == 0);  // the same case object again: still has its value
    auto v = receiver.get();
    CHECK((v && *v != nullptr && **v == 6));
  });
}

TEST_CASE("select: the same channel several times, and both ways") {
  run([] {
    weft::chan<int> c;
    for (int round = 0; round < 200; ++round) {
      auto peer = weft::spawn([c, round]() mutable {
        if (round % 2 == 0) return c.send(round);
        return c.recv() == -1 ? std::error_code{} : make_error_code(weft::errc::eof);
      });
      const auto index =
          weft::select(weft::on_recv(c, [&](auto r) { CHECK(r == round); }), weft::on_send(c, -1, ignore),
                       weft::on_recv(c, [&](auto r) { CHECK(r == round); }), weft::on_send(c, -1, ignore));
      CHECK(index % 2 == static_cast<std::size_t>(round % 2));
      CHECK(!peer.get());
    }
    CHECK(c.try_send(0) == weft::errc::would_block);
    CHECK(c.try_recv().error() == weft::errc::would_block);
  });
}

TEST_CASE("select: an exception from a handler passes through, and the channel is in order") {
  run([] {
    weft::chan<int> c(1);
    CHECK(!c.send(1));
    CHECK_THROWS_AS(weft::select(weft::on_recv(c, [](auto) { throw std::runtime_error("no"); })), std::runtime_error);
    CHECK(c.size() == 0);
    auto sender = weft::spawn([c]() mutable { return c.send(2); });
    CHECK(!sender.get());
    CHECK_THROWS_AS(weft::select(weft::on_recv(c, [](auto) { throw 5; })), int);
    CHECK_THROWS_AS(weft::select(weft::otherwise([] { throw 6; })), int);
    CHECK_THROWS_AS(weft::select(weft::after(1ms, [] { throw 7; })), int);
    CHECK(!c.send(3));
    CHECK(c.recv() == 3);
  });
}

TEST_CASE("select: handlers may use the channels they come from") {
  run([] {
    weft::chan<int> c(1);
    CHECK(!c.send(1));
    CHECK(weft::select(weft::on_recv(c, [c](auto r) mutable {
            CHECK(!c.send(*r + 1));
            CHECK(weft::select(weft::on_recv(c, [c](auto again) mutable {
                    CHECK(again == 2);
                    c.close();
                  })) == 0);
            weft::yield();
          })) == 0);
    CHECK(c.closed());
  });
}

TEST_CASE("select: from a plain thread") {
  run([] {
    weft::chan<int> in;
    weft::chan<int> out;
    weft::cancel_source source;
    plain_thread thread([&, in, out]() mutable {
      weft::chan<int> idle;
      CHECK(weft::select(weft::on_recv(idle, ignore), weft::after(2ms, nothing)) == 1);
      CHECK(weft::select(weft::on_recv(idle, ignore), weft::otherwise(nothing)) == 1);
      for (int i = 0; i < 100; ++i) {
        CHECK(weft::select(weft::on_recv(out, ignore), weft::on_recv(in, [&](auto r) { CHECK(r == i); })) == 1);
        CHECK(weft::select(weft::on_send(out, i, ignore), weft::on_recv(in, ignore)) == 0);
      }
      CHECK(weft::select(weft::on_recv(in, ignore), weft::on_done(source.context(), nothing)) == 1);
    });
    for (int i = 0; i < 100; ++i) {
      CHECK(!in.send(i));
      CHECK(out.recv() == i);
    }
    source.cancel();
  });
}

TEST_CASE("select: between threads, without a run") {
  weft::chan<int> c;
  std::thread sender([c]() mutable { CHECK(weft::select(weft::on_send(c, 8, ignore)) == 0); });
  CHECK(weft::select(weft::on_recv(c, [](auto r) { CHECK(r == 8); })) == 0);
  sender.join();
  CHECK(weft::select(weft::on_recv(c, ignore), weft::after(2ms, nothing)) == 1);
}

// Case objects are lvalues here; what one select left in them must not disturb the next.
TEST_CASE("select: the same case objects again and again") {
  run([] {
    weft::chan<int> a;
    weft::chan<int> b;
    weft::cancel_source source;
    int got = 0;
    auto take = [&](auto r) { got = r.value_or(-1); };
    auto recv_a = weft::on_recv(a, take);
    auto recv_b = weft::on_recv(b, take);
    auto done = weft::on_done(source.context(), nothing);
    for (int i = 0; i < 100; ++i) {
      const bool second = i % 3 == 0;
      auto sender = weft::spawn([&] { return (second ? b : a).send(i); });
      if (i % 2 == 0) weft::yield();
      CHECK(weft::select(recv_a, recv_b, done) == (second ? 1 : 0));
      CHECK(got == i);
      CHECK(!sender.get());
    }
    auto canceler = weft::spawn([&] {
      weft::sleep(1ms);
      source.cancel();
    });
    CHECK(weft::select(recv_a, recv_b, done) == 2);
    canceler.get();
    CHECK(weft::select(recv_a, done) == 1);
    auto sender = weft::spawn([&] { return a.send(5); });
    weft::yield();
    CHECK(weft::select(recv_a) == 0);
    CHECK(got == 5);
    CHECK(!sender.get());
    a.close();
    CHECK(weft::select(recv_a) == 0);
    CHECK(got == -1);  // closed, and not the value before
  });
}

TEST_CASE("select: many cases") {
  run([] {
    weft::chan<int> c[12];
    for (int round = 0; round < 60; ++round) {
      const auto ready = static_cast<std::size_t>(round % 12);
      auto sender = weft::spawn([&, ready] { return c[ready].send(round); });
      if (round % 2 == 0) weft::yield();
      auto f = [&](auto r) { CHECK(r == round); };
      CHECK(weft::select(weft::on_recv(c[0], f), weft::on_recv(c[1], f), weft::on_recv(c[2], f), weft::on_recv(c[3], f),
                         weft::on_recv(c[4], f), weft::on_recv(c[5], f), weft::on_recv(c[6], f), weft::on_recv(c[7], f),
                         weft::on_recv(c[8], f), weft::on_recv(c[9], f), weft::on_recv(c[10], f),
                         weft::on_recv(c[11], f)) == ready);
      CHECK(!sender.get());
    }
  });
}
