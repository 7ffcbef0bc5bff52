// SPDX-License-Identifier: Apache-2.0
// How http_server starts and ends, and how it lives with too few files.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <system_error>
#include <vector>

#include "tests/integration/client.hpp"
#include "tests/integration/http_server.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/scale.hpp"
#include "tests/support/skip.hpp"

using weft::integration::beside;
using weft::integration::client;
using weft::integration::connection_lost;
using weft::integration::ending;
using weft::integration::http_server;
using weft::integration::patience;
using weft::integration::process;
using weft::testing_support::eventually;

namespace {

const std::string hello = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

std::string sleep_request(int ms) {
  return "GET /sleep?ms=" + std::to_string(ms) + " HTTP/1.1\r\nHost: test\r\n\r\n";
}

client idle_connection(int port) {
  client c(port);
  c.send(hello);
  CHECK(c.receive().status == 200);
  return c;
}

bool refused(int port) {
  try {
    client c(port);
    return false;
  } catch (const std::system_error& e) {
    return e.code() == std::errc::connection_refused;
  }
}

}  // namespace

TEST_SUITE_BEGIN("http end");

TEST_CASE("SIGTERM: requests in flight are finished, idle connections closed, none accepted; exit code 0") {
  for (const int signal : {SIGTERM, SIGINT}) {
    http_server server;
    client idle = idle_connection(server.port());
    std::vector<client> sleepers;
    for (int i = 0; i < 5; ++i) {
      sleepers.push_back(idle_connection(server.port()));
      sleepers.back().send(sleep_request(500));
    }
    client half = idle_connection(server.port());
    half.send("GET / HTTP/1.1\r\nHo");
    // Half a request can't be seen from outside; the sleepers after it can. It was sent before they were counted.
    CHECK(eventually([&] { return server.stat("sleeping") == 5; }, patience));

    server.program().signal(signal);
    CHECK(idle.receive_to_end() == "");
    half.send("st: test\r\n\r\n");
    try {
      const auto r = half.receive();
      CHECK(r.status == 200);
      CHECK(r.has("Connection: close"));
    } catch (const connection_lost&) {
      // Its bytes had not been read at the signal, and so it was idle.
    }
    for (auto& c : sleepers) {
      const auto r = c.receive();
      CHECK(r.body == "slept\n");
      CHECK(r.has("Connection: close"));
      CHECK(c.receive_to_end() == "");
    }
    CHECK(server.program().wait() == ending{.exit_code = 0});
    CHECK(server.program().err() == "");
    CHECK(refused(server.port()));
  }
}

TEST_CASE("SIGTERM under load: no response is cut in the middle") {
  http_server server;
  std::vector<client> clients;
  for (int i = 0; i < 32; ++i) clients.push_back(idle_connection(server.port()));
  std::size_t lost = 0;
  for (int round = 0; lost < clients.size(); ++round) {
    if (round == 20) server.program().signal(SIGTERM);
    REQUIRE(round < 1'000'000);
    for (auto& c : clients) {
      if (c.fd() >= 0) (void)c.send_some(hello + hello + hello);
    }
    for (auto& c : clients) {
      try {
        for (int i = 0; i < 3 && c.fd() >= 0; ++i) {
          const auto r = c.receive();
          CHECK(r.status == 200);
          if (!r.has("Connection: close")) continue;
          CHECK(c.receive_to_end() == "");
          c.close();
          ++lost;
        }
      } catch (const connection_lost& e) {
        // Closed while it was idle; then not a byte of a response was there.
        const std::string what = e.what();
        CHECK(what.find("HTTP/1.1") == what.npos);
        c.close();
        ++lost;
      }
    }
  }
  CHECK(server.program().wait() == ending{.exit_code = 0});
  CHECK(server.program().err() == "");
}

TEST_CASE("SIGTERM: the drain has a limit") {
  http_server server({"--drain-timeout-ms", "200"});
  client sleeper = idle_connection(server.port());
  sleeper.send(sleep_request(60'000));
  client half = idle_connection(server.port());
  half.send("GET / HTTP/1.1\r\nHo");
  CHECK(eventually([&] { return server.stat("sleeping") == 1; }, patience));
  CHECK(server.stop() == ending{.exit_code = 0});
  CHECK(server.program().err().find("cut") != std::string::npos);
}

TEST_CASE("SIGTERM twice: the second one cuts the drain short") {
  http_server server({"--drain-timeout-ms", "3600000"});
  client idle = idle_connection(server.port());
  std::vector<client> sleepers;
  for (int i = 0; i < 20; ++i) {
    sleepers.push_back(idle_connection(server.port()));
    sleepers.back().send(sleep_request(60'000));
  }
  CHECK(eventually([&] { return server.stat("sleeping") == 20; }, patience));
  server.program().signal(SIGTERM);
  CHECK(idle.receive_to_end() == "");
  server.program().signal(SIGTERM);
  CHECK(server.program().wait() == ending{.exit_code = 0});
  for (auto& c : sleepers) CHECK(c.sees_end());
}

TEST_CASE("a port that is taken: one line that says so, exit code 1") {
  http_server first;
  process second({beside("http_server"), "--port", std::to_string(first.port())});
  CHECK(second.wait() == ending{.exit_code = 1});
  CHECK(second.out() == "");
  const std::string err = second.err();
  CHECK(err.starts_with("http_server: cannot listen on " + first.address() + ": "));
  CHECK(std::count(err.begin(), err.end(), '\n') == 1);
  CHECK(first.stop() == ending{.exit_code = 0});
}

TEST_CASE("options: a wrong one is told, --help helps") {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--port", "65536"}, {"--port", "x"}, {"--port"}, {"--nothing"}, {"word"}}) {
    std::vector<std::string> command{beside("http_server")};
    command.insert(command.end(), words.begin(), words.end());
    process p(command);
    CHECK(p.wait() == ending{.exit_code = 2});
    CHECK(p.out() == "");
    CHECK(p.err() != "");
  }
  process p({beside("http_server"), "--help"});
  CHECK(p.wait() == ending{.exit_code = 0});
  CHECK(p.out().starts_with("usage: http_server"));
}

TEST_CASE("out of files: it says so at times, keeps what it has, and goes on when files come free") {
  if (weft::testing_support::address_sanitizer) {
    return weft::testing_support::skip("to check a virtual call, the sanitizer needs a pipe, and so two files");
  }
  http_server server({}, 40);
  const auto began = std::chrono::steady_clock::now();
  std::vector<client> clients;
  for (int i = 0; i < 60; ++i) {
    clients.emplace_back(server.port());
    clients.back().send(hello);
  }
  (void)server.program().wait_for_line("http_server: accept: ", true);
  CHECK(clients.front().receive().status == 200);
  clients.front().send(hello);
  CHECK(clients.front().receive().status == 200);
  clients.erase(clients.begin(), clients.begin() + 40);
  for (auto& c : clients) CHECK(c.receive().status == 200);

  const std::string err = server.program().err();
  CAPTURE(err);
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(std::chrono::steady_clock::now() - began);
  CHECK(std::count(err.begin(), err.end(), '\n') <= 1 + seconds.count());
  CHECK(server.stop() == ending{.exit_code = 0});
}

TEST_SUITE_END();
