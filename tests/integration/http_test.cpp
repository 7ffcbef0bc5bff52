// SPDX-License-Identifier: Apache-2.0
// http_server speaks HTTP/1.1: what it answers, and how it ends a connection.
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/client.hpp"
#include "tests/integration/http_server.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/scale.hpp"

using namespace std::literals;
using weft::integration::client;
using weft::integration::ending;
using weft::integration::get;
using weft::integration::http_server;
using weft::integration::patience;
using weft::integration::response;
using weft::testing_support::eventually;
using weft::testing_support::scaled;

namespace {

const std::string hello = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

std::string repeat(std::string_view text, std::size_t n) {
  std::string all;
  while (n-- != 0) all += text;
  return all;
}

void check_hello(const response& r) {
  CHECK(r.status == 200);
  CHECK(r.body == "Hello, World!");
  CHECK(r.has("Content-Type: text/plain"));
}

// A mixture of requests, and the check of its responses in their order.
struct mixture {
  std::string requests;
  std::vector<char> kinds;

  explicit mixture(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      kinds.push_back("/h4pce"[i % 6]);
      switch (kinds.back()) {
        case '/':
          requests += hello;
          break;
        case 'h':
          requests += "HEAD / HTTP/1.1\r\nHost: test\r\n\r\n";
          break;
        case '4':
          requests += "GET /nothing HTTP/1.1\r\nHost: test\r\nX-Some: field\r\n\r\n";
          break;
        case 'p':
          requests += "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 12\r\n\r\nlength known";
          break;
        case 'c':
          requests +=
              "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
              "6;some=extension\r\nin two\r\n7\r\n chunks\r\n0\r\nTrailer: field\r\n\r\n";
          break;
        default:
          requests += "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
          break;
      }
    }
  }

  void check(client& c) const {
    for (const char kind : kinds) {
      const auto r = c.receive(kind == 'h');
      CHECK(r.status == (kind == '4' ? 404 : 200));
      if (kind == '/') CHECK(r.body == "Hello, World!");
      if (kind == 'h') CHECK(r.has("Content-Length: 13"));
      if (kind == 'p') CHECK(r.body == "length known");
      if (kind == 'c') CHECK(r.body == "in two chunks");
      if (kind == 'e') CHECK(r.body == "");
    }
  }
};

}  // namespace

TEST_SUITE_BEGIN("http");

TEST_CASE("one line says where it listens, with how many Ps and why") {
  http_server server;
  const auto& line = server.greeting();
  CHECK(line.starts_with("http_server: listening on 127.0.0.1:" + std::to_string(server.port()) + ", "));
  CHECK(line.find(std::to_string(server.stat("procs")) + " Ps (") != line.npos);
  CHECK(line.ends_with(")"));
  CHECK(server.stop() == ending{.exit_code = 0});
  CHECK(server.program().out() == line + "\n");
  CHECK(server.program().err() == "");
}

TEST_CASE("keep-alive: many requests on one connection") {
  http_server server;
  client c(server.port());
  for (int i = 0; i < 100; ++i) {
    c.send(hello);
    const auto r = c.receive();
    check_hello(r);
    CHECK(r.head.find("Connection:") == r.head.npos);
    CHECK(r.head.find("\r\nDate: ") != r.head.npos);
  }
  CHECK(server.stop() == ending{.exit_code = 0});
}

TEST_CASE("pipelining: 100 requests in one write, and byte by byte") {
  http_server server;
  const mixture hundred(100);
  client c(server.port());
  c.send(hundred.requests);
  hundred.check(c);
  const mixture some(scaled<std::size_t>(100, 30));
  c.send_byte_by_byte(some.requests);
  some.check(c);
  CHECK(server.stop() == ending{.exit_code = 0});
}

TEST_CASE("pipelining: more requests than any buffer holds") {
  http_server server;
  const mixture many(scaled<std::size_t>(12'000, 1'200));
  client c(server.port());
  // Neither side waits for the other to be done: the responses are read as they come.
  std::string_view rest = many.requests;
  std::size_t checked = 0;
  while (checked < many.kinds.size()) {
    if (!rest.empty()) {
      const long n = c.send_some(rest);
      REQUIRE(n >= 0);
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
    const auto r = c.receive(many.kinds[checked] == 'h');
    if (r.status != (many.kinds[checked] == '4' ? 404 : 200)) FAIL("response " << checked << ": " << r.head);
    ++checked;
  }
  CHECK(server.stop() == ending{.exit_code = 0});
}

TEST_CASE("requests that are no HTTP get 400 and a closed connection") {
  const std::string host = "Host: test\r\n";
  const std::string chunked = "POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n";
  const std::vector<std::pair<std::string, std::string>> bad{
      {"not a request line", "hello\r\n\r\n"},
      {"no target", "GET HTTP/1.1\r\n" + host + "\r\n"},
      {"no version", "GET /\r\n" + host + "\r\n"},
      {"two spaces", "GET  / HTTP/1.1\r\n" + host + "\r\n"},
      {"a version that is none", "GET / HTTP/1.x\r\n" + host + "\r\n"},
      {"a version of the future", "GET / HTTP/2.0\r\n" + host + "\r\n"},
      {"another protocol", "GET / SIP/1.1\r\n" + host + "\r\n"},
      {"a method with a control character", "G\x01T / HTTP/1.1\r\n" + host + "\r\n"},
      {"a target with a zero byte", "GET /\0 HTTP/1.1\r\n"s + host + "\r\n"},
      {"a field without a colon", "GET / HTTP/1.1\r\nHost test\r\n\r\n"},
      {"a field without a name", "GET / HTTP/1.1\r\n: test\r\n\r\n"},
      {"a space before the colon", "GET / HTTP/1.1\r\nHost : test\r\n\r\n"},
      {"a zero byte in a field", "GET / HTTP/1.1\r\nHost: te\0st\r\n\r\n"s},
      {"a line that ends in a carriage return alone", "GET / HTTP/1.1\r\nHost: test\rX: y\r\n\r\n"},
      {"no host", "GET / HTTP/1.1\r\n\r\n"},
      {"two hosts", "GET / HTTP/1.1\r\n" + host + host + "\r\n"},
      {"a length that is none", "POST /echo HTTP/1.1\r\n" + host + "Content-Length: ten\r\n\r\n"},
      {"a negative length", "POST /echo HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n"},
      {"a length beyond all numbers",
       "POST /echo HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999\r\n\r\n"},
      {"two lengths", "POST /echo HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"},
      {"a length and chunks",
       "POST /echo HTTP/1.1\r\n" + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"chunks and a length",
       "POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"},
      {"an encoding that hides the length", "POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n"},
      {"chunked, but not last", "POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"},
      {"chunks in HTTP/1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"a chunk size that is none", chunked + "xyz\r\n"},
      {"a chunk longer than it says", chunked + "2\r\nabc\r\n0\r\n\r\n"},
      {"a connection field that is none", "GET / HTTP/1.1\r\n" + host + "Connection: ,;=\r\n\r\n"},
      {"a request after a good one", hello + "hello\r\n\r\n"},
  };
  http_server server;
  for (const auto& [what, text] : bad) {
    CAPTURE(what);
    client c(server.port());
    c.send(text);
    auto r = c.receive();
    if (text.starts_with(hello)) {
      check_hello(r);
      r = c.receive();
    }
    CHECK(r.status == 400);
    CHECK(r.has("Connection: close"));
    CHECK(c.receive_to_end() == "");
  }
  check_hello(get(server.port(), "/"));
  CHECK(server.stop() == ending{.exit_code = 0});
}

TEST_CASE("a header that is too long gets 431") {
  http_server server;
  const std::string start = "GET / HTTP/1.1\r\nHost: test\r\n";
  for (const std::string& text :
       {start + "X: " + std::string(20'000, 'x') + "\r\n\r\n", start + repeat("X: y\r\n", 3'000),
        "GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\n\r\n", start + "X: " + std::string(8'192, 'x')}) {
    client c(server.port());
    c.send(text);
    const auto r = c.receive();
    CHECK(r.status == 431);
    CHECK(r.has("Connection: close"));
    CHECK(c.receive_to_end() == "");
  }
  // In pieces that are whole fields.
  client c(server.port());
  const std::string line = "X-Field: " + std::string(64 - 11, 'x') + "\r\n";
  c.send(start + "X: " + std::string(64 - start.size() - 5, 'x') + "\r\n");
  for (int i = 0; i < 3'000 && !c.readable(); ++i) c.send(line);
  CHECK(c.receive().status == 431);

  client close_to_it(server.port());
  close_to_it.send(start + "X: " + std::string(7'000, 'x') + "\r\n\r\n");
  check_hello(close_to_it.receive());
  CHECK(server.stop() == ending{.exit_code = 0});
}

TEST_CASE("a body that is too long gets 413, before it is sent and while it is") {
  http_server server;
  const std::string start = "POST /echo HTTP/1.1\r\nHost: test\r\n";
  {
    client c(server.port());
    c.send(start + "Content-Length: 2000000\r\n\r\n");
    const auto r = c.receive();
    CHECK(r.status == 413);
    CHECK(r.has("Connection: close"));
    CHECK(c.receive_to_end() == "");
  }
  {
    // The client sends some of it all the same, and still gets to read the response.
    client c(server.port());
    c.send(start + "Content-Length: 2000000\r\n\r\n" + std::string(100'000, 'x'));
    CHECK(c.receive().status == 413);
    CHECK(c.receive_to_end() == "");
  }
  {
    client c(server.port());
    c.send(start + "Transfer-Encoding: chunked\r\n\r\n" + repeat("400\r\n" + std::string(1024, 'x') + "\r\n", 1024) +
           "1\r\n");
    CHECK(c.receive().status == 413);
    CHECK(c.receive_to_end() == "");
  }
  {
    const std::string all(1024 * 1024, 'x');
    client c(server.port());
    c.send(start + "Content-Length: 1048576\r\n\r\n" + all);
    CHECK(c.receive().body == all);
    c.send(hello);
    check_hello(c.receive());
  }
  {
    // No line of the chunked form is without an end either.
    client c(server.port());
    c.send(start + "Transfer-Encoding: chunked\r\n\r\n5;" + std::string(20'000, 'x'));
    CHECK(c.receive().status >= 400);
    CHECK(c.receive_to_end() == "");
  }
  CHECK(server.stop() == ending{.exit_code = 0});
}

TEST_CASE("slow clients are cut by a deadline, and it counts from the request's first byte") {
  http_server server({"--request-timeout-ms", "300", "--idle-timeout-ms", "600000"});
  const auto began = std::chrono::steady_clock::now();
  client stalls(server.port());
  stalls.send("GET / HTTP/1.1\r\nHost:");
  client in_body(server.port());
  in_body.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nabc");
  // A byte now and then is no progress.
  client trickles(server.port());
  trickles.send("GET / HTTP/1.1\r\nHost: test\r\nX: ");
  auto next = began;
  CHECK(eventually(
      [&] {
        if (std::chrono::steady_clock::now() >= next) {
          trickles.send("x");
          next += 10ms;
        }
        return trickles.readable();
      },
      patience));
  for (client* c : {&stalls, &in_body, &trickles}) {
    const auto r = c->receive();
    CHECK(r.status == 408);
    CHECK(r.has("Connection: close"));
    CHECK(c->receive_to_end() == "");
  }
  CHECK(std::chrono::steady_clock::now() - began >= 300ms);

  // Between two requests it doesn't count.
  client c(server.port());
  for (int i = 0; i < 3; ++i) {
    c.send(hello);
    check_hello(c.receive());
    const auto r = get(server.port(), "/sleep?ms=200");
    CHECK(r.body == "slept\n");
  }
  CHECK(eventually([&] { return server.stat("connections") == 2; }, patience));
  CHECK(server.stop() == ending{.exit_code = 0});
}

TEST_CASE("idle connections are closed after their time, without a word") {
  http_server server({"--idle-timeout-ms", "200"});
  client never_spoke(server.port());
  client spoke(server.port());
  spoke.send(hello);
  check_hello(spoke.receive());
  CHECK(spoke.receive_to_end() == "");
  CHECK(never_spoke.receive_to_end() == "");
  CHECK(server.stop() == ending{.exit_code = 0});
}

TEST_CASE("a client that takes no response is cut by a deadline") {
  http_server server({"--write-timeout-ms", "300"});
  client c(server.port(), {}, 4096);
  const std::string batch = repeat(hello, 500);
  std::string_view rest = batch;
  // It asks and asks, and never reads.
  CHECK(eventually(
      [&] {
        const long n = c.send_some(rest);
        if (n < 0) return true;
        rest.remove_prefix(static_cast<std::size_t>(n));
        if (rest.empty()) rest = batch;
        return false;
      },
      patience));
  CHECK(eventually([&] { return server.stat("connections") == 1; }, patience));
  CHECK(server.stop() == ending{.exit_code = 0});
}

TEST_CASE("HEAD, unknown paths, other methods") {
  http_server server;
  client c(server.port());
  const auto ask = [&](std::string_view line, bool head_only = false) {
    c.send(std::string(line) + " HTTP/1.1\r\nHost: test\r\n\r\n");
    return c.receive(head_only);
  };
  auto r = ask("HEAD /", true);
  CHECK(r.status == 200);
  CHECK(r.has("Content-Length: 13"));
  check_hello(ask("GET /"));  // so no body came
  CHECK(ask("GET /nothing").status == 404);
  CHECK(ask("HEAD /nothing", true).status == 404);
  CHECK(ask("GET /hello/../").status == 404);
  CHECK(ask("OPTIONS *").status == 404);
  for (const char* line : {"PUT /", "POST /", "DELETE /stats", "FOO /sleep"}) {
    r = ask(line);
    CHECK(r.status == 405);
    CHECK(r.has("Allow: GET, HEAD"));
  }
  r = ask("GET /echo");
  CHECK(r.status == 405);
  CHECK(r.has("Allow: POST"));
  check_hello(ask("GET /?query"));
  check_hello(ask("GET http://test/"));
  check_hello(ask("GET http://test"));
  CHECK(ask("GET http://test/nothing").status == 404);
  for (const char* path : {"/sleep", "/sleep?ms=", "/sleep?ms=x", "/sleep?ms=-1", "/sleep?ms=60001", "/sleep?ms=1x"}) {
    CHECK(ask("GET "s + path).status == 400);
  }
  CHECK(ask("GET /sleep?ms=1").body == "slept\n");
  check_hello(ask("GET /"));
  CHECK(server.stop() == ending{.exit_code = 0});
}

TEST_CASE("Connection: close, HTTP/1.0, and a client that closes its side") {
  http_server server;
  const auto ask = [&](std::string_view request, bool then_closed, std::string_view field) {
    client c(server.port());
    c.send(request);
    const auto r = c.receive();
    check_hello(r);
    CHECK(r.has("Connection: " + std::string(field)));
    if (then_closed) {
      CHECK(c.receive_to_end() == "");
    } else {
      c.send(hello);
      check_hello(c.receive());
    }
  };
  ask("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", true, "close");
  ask("GET / HTTP/1.1\r\nHost: test\r\nconnection: CLOSE, te\r\n\r\n", true, "close");
  ask("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n" + hello, true, "close");
  ask("GET / HTTP/1.0\r\n\r\n", true, "close");
  ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false, "keep-alive");

  client c(server.port());
  c.send(hello + hello);
  c.shutdown_write();
  check_hello(c.receive());
  check_hello(c.receive());
  CHECK(c.receive_to_end() == "");
  CHECK(server.stop() == ending{.exit_code = 0});
}

TEST_CASE("Expect: 100-continue") {
  http_server server;
  const std::string start = "POST /echo HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n";
  client c(server.port());
  for (int i = 0; i < 3; ++i) {
    c.send(start + "Content-Length: 4\r\n\r\n");
    CHECK(c.receive().status == 100);
    c.send("body");
    CHECK(c.receive().body == "body");
  }
  c.send(start + "Content-Length: 4\r\n\r\nbody");  // it didn't wait, so it needn't be told
  CHECK(c.receive().body == "body");
  c.send(start + "Content-Length: 2000000\r\n\r\n");
  CHECK(c.receive().status == 413);
  CHECK(c.receive_to_end() == "");
  CHECK(server.stop() == ending{.exit_code = 0});
}

TEST_CASE("a fiber that sleeps holds no thread") {
  http_server server;
  std::vector<client> sleepers;
  constexpr int n = 200;
  for (int i = 0; i < n; ++i) {
    sleepers.emplace_back(server.port());
    sleepers.back().send("GET /sleep?ms=" + std::to_string(500 + i) + " HTTP/1.1\r\nHost: test\r\n\r\n");
  }
  CHECK(eventually([&] { return server.stat("sleeping") > 0; }, patience));
  CHECK(server.stat("threads") <= server.stat("procs") + 8);
  for (auto& c : sleepers) CHECK(c.receive().body == "slept\n");
  CHECK(server.stat("sleeping") == 0);
  CHECK(server.stop() == ending{.exit_code = 0});
}

// Not a fuzzer; it only sees to it that the states between the tables above hold no surprise.
TEST_CASE("mutations of good requests get an answer or a closed connection") {
  http_server server;
  std::mt19937 random(20'261);
  const auto below = [&random](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  const mixture good(6);
  constexpr std::array<std::string_view, 12> pieces{"\r\n", "\r",      "\n",    "\0"sv, ":",        " ",
                                                    "0",    "chunked", "close", "\xff", "\r\n\r\n", "HTTP/1.1"};
  for (int round = 0; round < scaled(500, 100); ++round) {
    std::string text = good.requests;
    for (std::size_t changes = 1 + below(4); changes != 0; --changes) {
      const auto at = below(text.size());
      switch (below(4)) {
        case 0:
          text[at] = static_cast<char>(below(256));
          break;
        case 1:
          text.erase(at, 1 + below(20));
          break;
        case 2:
          text.insert(at, pieces[below(pieces.size())]);
          break;
        default:
          text.insert(at, text.substr(below(text.size()), below(50)));
          break;
      }
    }
    client c(server.port());
    c.send(text);
    c.shutdown_write();
    const std::string all = c.receive_to_end();
    CHECK((all.empty() || all.starts_with("HTTP/1.1 ")));
  }
  check_hello(get(server.port(), "/"));
  CHECK(eventually([&] { return server.stat("connections") == 1; }, patience));
  CHECK(server.stop() == ending{.exit_code = 0});
}

TEST_SUITE_END();
