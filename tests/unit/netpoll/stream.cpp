// SPDX-License-Identifier: Apache-2.0
// Bytes over a connection.
#include <array>
#include <atomic>
#include <string>

#include <sys/socket.h>

#include <weft/go.hpp>
#include <weft/task.hpp>

#include "tests/unit/netpoll/pair.hpp"

using namespace std::chrono_literals;
using namespace weft::testing_support;
using weft::errc;

TEST_CASE("echo") {
  run([] {
    auto ln = local_listener();
    weft::wait_group all;
    all.go([&] {
      auto c = ln.accept();
      CHECK(c.has_value());
      char buffer[64];
      for (;;) {
        const auto r = c->read(buffer);
        if (r.ec) {
          CHECK(r.ec == errc::eof);
          CHECK(r.n == 0);
          return;
        }
        CHECK_FALSE(c->write_all(std::string_view(buffer, r.n)).ec);
      }
    });
    auto c = weft::net::dial("tcp", ln.local_address().to_string());
    CHECK(c.has_value());
    const int rounds = scaled(2000, 300);
    for (int i = 0; i < rounds; ++i) {
      const std::string message = "message " + std::to_string(i);
      CHECK(c->write_all(message).n == message.size());
      CHECK(read_exactly(*c, message.size()) == message);
    }
    CHECK(c->local_address().to_string() != c->remote_address().to_string());
    CHECK(c->remote_address().port() == ln.local_address().port());
    CHECK_FALSE(c->close());
    all.wait();
  });
}

TEST_CASE("end of stream stays, and comes behind the data") {
  run([] {
    auto [client, server] = connected();
    CHECK_FALSE(client.write_all("last words").ec);
    CHECK_FALSE(client.close());
    std::string text;
    const auto r = read_all(server, text);
    CHECK(r.ec == errc::eof);
    CHECK(text == "last words");
    char buffer[4];
    CHECK(server.read(buffer).ec == errc::eof);
    CHECK(server.read(buffer, 0s).ec == errc::eof);
  });
}

// The data and the end come as one event; the short read must not wait for another.
TEST_CASE("data and end of stream at once, many times") {
  run([] {
    auto ln = local_listener();
    const int rounds = scaled(500, 100);
    for (int i = 0; i < rounds; ++i) {
      auto [client, server] = connect_to(ln);
      weft::wait_group all;
      all.go([&] {
        std::string text;
        CHECK(read_all(server, text).ec == errc::eof);
        CHECK(text == "abc");
      });
      CHECK_FALSE(client.write_all("abc").ec);
      CHECK_FALSE(client.close());
      all.wait();
    }
  });
}

TEST_CASE("half close") {
  run([] {
    auto [client, server] = connected();
    CHECK_FALSE(client.write_all("question").ec);
    CHECK_FALSE(client.shutdown_write());
    std::string question;
    CHECK(read_all(server, question).ec == errc::eof);
    CHECK(question == "question");
    CHECK_FALSE(server.write_all("answer").ec);  // the other direction is open
    CHECK_FALSE(server.close());
    std::string answer;
    CHECK(read_all(client, answer).ec == errc::eof);
    CHECK(answer == "answer");
    CHECK(client.write_all("more").ec == std::errc::broken_pipe);
  });
}

TEST_CASE("nothing to read or write") {
  run([] {
    auto [client, server] = connected();
    CHECK_FALSE(client.read(std::span<char>()).ec);  // at once, though nothing is there
    CHECK_FALSE(client.write_all("").ec);
    CHECK_FALSE(client.write({}).ec);
    CHECK_FALSE(client.close());
    CHECK(client.read(std::span<char>()).ec == errc::closed);
  });
}

TEST_CASE("a slow reader makes writes partial, and loses nothing") {
  run([] {
    auto [client, server] = connected();
    const std::size_t size = scaled(16u, 4u) << 20;
    std::string data(size, '\0');
    for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<char>((i * 2654435761u) >> 24);
    weft::wait_group all;
    all.go([&] {
      const auto r = client.write_all(data);
      CHECK_FALSE(r.ec);
      CHECK(r.n == size);
      CHECK_FALSE(client.close());
    });
    std::string got;
    std::array<char, 40'000> buffer;
    for (;;) {
      const auto r = server.read(buffer);
      got.append(buffer.data(), r.n);
      if (r.ec) break;
      weft::yield();
    }
    CHECK((got == data));
    all.wait();
  });
}

TEST_CASE("a single write may be partial") {
  run([] {
    auto [client, server] = connected();
    const std::string big(64 << 20, 'b');
    const auto first = client.write(bytes(big));
    CHECK_FALSE(first.ec);
    CHECK(first.n > 0);
    CHECK(first.n < big.size());
    const std::size_t more = fill(client);
    // write_all tells how much was taken before it failed.
    const auto all = client.write_all(big, 10ms);
    CHECK(all.ec == errc::timed_out);
    CHECK(all.n < big.size());
    CHECK_FALSE(client.close());
    std::size_t got = 0;
    std::array<char, 65536> buffer;
    for (;;) {
      const auto r = server.read(buffer);
      got += r.n;
      if (r.ec) break;
    }
    CHECK(got == first.n + more + all.n);
  });
}

TEST_CASE("two readers take turns") {
  run([] {
    auto [client, server] = connected();
    std::atomic<std::size_t> got{0};
    std::atomic<unsigned> sum{0};
    weft::wait_group all;
    for (int i = 0; i < 2; ++i) {
      all.go([&] {
        char buffer[3];
        for (;;) {
          const auto r = server.read(buffer);
          for (std::size_t k = 0; k < r.n; ++k) sum += static_cast<unsigned char>(buffer[k]);
          got += r.n;
          if (r.ec) {
            CHECK(r.ec == errc::eof);
            return;
          }
        }
      });
    }
    const int rounds = scaled(1000, 200);
    unsigned expected = 0;
    for (int i = 0; i < rounds; ++i) {
      const char five[5] = {static_cast<char>(i & 0x7f), 1, 2, 3, 4};
      for (const char c : five) expected += static_cast<unsigned char>(c);
      CHECK_FALSE(client.write_all(std::string_view(five, 5)).ec);
    }
    CHECK_FALSE(client.close());
    all.wait();
    CHECK(got == static_cast<std::size_t>(rounds) * 5);
    CHECK(sum == expected);
  });
}

TEST_CASE("write_all is not interleaved") {
  run([] {
    auto [client, server] = connected();
    constexpr std::size_t block = 300'000;
    constexpr int blocks = 6;
    weft::wait_group all;
    for (const char letter : {'a', 'b', 'c'}) {
      all.go([&client, letter] {
        const std::string text(block, letter);
        for (int i = 0; i < blocks; ++i) CHECK_FALSE(client.write_all(text).ec);
      });
    }
    for (int i = 0; i < 3 * blocks; ++i) {
      const std::string text = read_exactly(server, block);
      CHECK(text.size() == block);
      CHECK(text.find_first_not_of(text[0]) == std::string::npos);
    }
    all.wait();
  });
}

TEST_CASE("a peer that is gone is an error and no signal") {
  run([] {
    auto [client, server] = connected();
    CHECK_FALSE(server.set_reset_on_close(true));
    CHECK_FALSE(server.close());
    std::error_code ec;
    while (!ec) ec = client.write_all("x", 10s).ec;
    CHECK((ec == std::errc::broken_pipe || ec == std::errc::connection_reset));
    char buffer[1];
    ec = client.read(buffer).ec;
    CHECK((ec == std::errc::connection_reset || ec == errc::eof));
  });
}

// The kernel says connection_reset once; who asks second hears the end of the stream or a broken pipe.
TEST_CASE("a reset ends a read and a write that wait") {
  run([] {
    auto [client, server] = connected();
    (void)fill(client);
    std::error_code read;
    std::error_code written;
    weft::wait_group all;
    all.go([&] {
      char buffer[1];
      read = client.read(buffer).ec;
    });
    all.go([&] { written = client.write_all(std::string(1 << 20, 'x')).ec; });
    CHECK(waiting_in_poller(2));
    CHECK_FALSE(server.set_reset_on_close(true));
    CHECK_FALSE(server.close());
    all.wait();
    CHECK((read == std::errc::connection_reset || read == errc::eof));
    CHECK((written == std::errc::connection_reset || written == std::errc::broken_pipe));
    CHECK((read == std::errc::connection_reset || written == std::errc::connection_reset));
  });
}

// recv stops at TCP's urgent mark although there is more, and no event tells.
TEST_CASE("urgent data does not strand what follows it") {
  run([] {
    auto ln = local_listener();
    for (int i = 0; i < 20; ++i) {
      auto [client, server] = connect_to(ln);
      weft::wait_group all;
      // Waiting, so that the event is used up by its first recv, which stops at the mark.
      all.go([&server] { CHECK(read_exactly(server, 4, 5s) == "abcd"); });
      CHECK(waiting_in_poller(1));
      const int fd = client.native_handle();
      CHECK(::send(fd, "ab", 2, 0) == 2);
      CHECK(::send(fd, "!", 1, MSG_OOB) == 1);
      CHECK(::send(fd, "cd", 2, 0) == 2);
      const auto sent = weft::clock::now();
      all.wait();
      CHECK(weft::clock::now() - sent < 4s);  // it did not need its limit
    }
  });
}

TEST_CASE("options reach the socket") {
  run([] {
    auto [client, server] = connected();
    for (auto* c : {&client, &server}) {
      int on = 0;
      socklen_t len = sizeof on;
      CHECK(::getsockopt(c->native_handle(), 6 /* TCP */, 1 /* TCP_NODELAY */, &on, &len) == 0);
      CHECK(on != 0);
      CHECK_FALSE(c->set_no_delay(false));
      CHECK(::getsockopt(c->native_handle(), 6, 1, &on, &len) == 0);
      CHECK(on == 0);
    }
    CHECK_FALSE(client.close());
    CHECK(client.set_no_delay(true) == errc::closed);
    CHECK(client.set_reset_on_close(true) == errc::closed);
    CHECK(client.shutdown_write() == errc::closed);
    CHECK(client.native_handle() == -1);
    CHECK(client.local_address().to_string().empty());
  });
}

TEST_CASE("a connection is moved") {
  run([] {
    auto [client, server] = connected();
    weft::net::conn other = std::move(client);
    CHECK_FALSE(static_cast<bool>(client));  // NOLINT: what is left is specified
    CHECK_FALSE(other.write_all("x").ec);
    CHECK(read_exactly(server, 1) == "x");
    other = weft::net::conn();  // closes
    char buffer[1];
    CHECK(server.read(buffer).ec == errc::eof);
  });
}
