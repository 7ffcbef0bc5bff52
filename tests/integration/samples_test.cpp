// SPDX-License-Identifier: Apache-2.0
// The samples besides the HTTP server do what they say.
#include <doctest/doctest.h>
#include <signal.h>

#include <charconv>
#include <chrono>
#include <string>
#include <vector>

#include "tests/integration/client.hpp"
#include "tests/integration/process.hpp"
#include "tests/support/eventually.hpp"

using weft::integration::beside;
using weft::integration::client;
using weft::integration::ending;
using weft::integration::process;
using weft::testing_support::eventually;

namespace {

int port_in(const std::string& line) {
  int port = 0;
  const auto at = line.find("127.0.0.1:");
  std::from_chars(line.data() + at + 10, line.data() + line.size(), port);
  return port;
}

// Lines of all lengths up to some buffers' worth, from a few clients in turn.
void check_echo(int port) {
  std::vector<client> clients;
  for (int i = 0; i < 10; ++i) clients.emplace_back(port);
  std::string text;
  for (std::size_t length : {1U, 10U, 4095U, 4096U, 4097U, 50'000U}) {
    while (text.size() < length) text += static_cast<char>('a' + text.size() % 26);
    for (auto& c : clients) c.send(text);
    for (auto& c : clients) CHECK(c.receive_bytes(text.size()) == text);
  }
  for (auto& c : clients) c.shutdown_write();
  for (auto& c : clients) CHECK(c.receive_to_end().empty());
}

}  // namespace

TEST_SUITE_BEGIN("samples");

TEST_CASE("pipeline: its results are right") {
  process p({beside("pipeline")});
  CHECK(p.wait() == ending{.exit_code = 0});
  CHECK(p.err() == "");
  const std::string out = p.out();
  CHECK(out.find("sum of the squares of 1 to 10000: 333383335000 (right)\n") != out.npos);
  CHECK(out.find("the 100th prime: 541, found by 101 fibers, of which 0 are left (right)\n") != out.npos);
  CHECK(out.find("WRONG") == out.npos);
}

TEST_CASE("echo_server: echoes to many, and ends in good order at SIGTERM and SIGINT") {
  for (const int signal : {SIGTERM, SIGINT}) {
    process p({beside("echo_server"), "--port", "0"});
    const int port = port_in(p.wait_for_line("listening on 127.0.0.1:"));
    check_echo(port);

    client idle(port);
    idle.send("x");
    CHECK(idle.receive_bytes(1) == "x");
    p.signal(signal);
    CHECK(idle.receive_to_end().empty());
    CHECK(p.wait() == ending{.exit_code = 0});
    CHECK(p.out().find("served 11 connections\n") != std::string::npos);
    CHECK(p.err() == "");
  }
}

TEST_CASE("echo_server: a port that is taken, and options that are none") {
  process first({beside("echo_server"), "--port", "0"});
  const int port = port_in(first.wait_for_line("listening on 127.0.0.1:"));
  process second({beside("echo_server"), "--port", std::to_string(port)});
  CHECK(second.wait() == ending{.exit_code = 1});
  CHECK(second.err().find("cannot listen on 127.0.0.1:" + std::to_string(port)) != std::string::npos);

  for (const char* bad : {"65536", "-1", "1x", ""}) {
    process p({beside("echo_server"), "--port", bad});
    CHECK(p.wait() == ending{.exit_code = 2});
  }
}

TEST_CASE("echo_server: clients that are killed leave no file behind") {
  process p({beside("echo_server"), "--port", "0"});
  const int port = port_in(p.wait_for_line("listening on 127.0.0.1:"));
  check_echo(port);
  const std::size_t before = p.open_files();
  std::vector<client> clients;
  for (int i = 0; i < 100; ++i) {
    clients.emplace_back(port);
    clients.back().send("left unread");
  }
  CHECK(eventually([&] { return p.open_files() == before + 100; }, weft::integration::patience));
  clients.clear();
  CHECK(eventually([&] { return p.open_files() == before; }, weft::integration::patience));
  p.signal(SIGTERM);
  CHECK(p.wait() == ending{.exit_code = 0});
}

TEST_CASE("readme_server: the server that the README shows") {
  process p({beside("readme_server"), "127.0.0.1:0"});
  check_echo(port_in(p.wait_for_line("echoing on 127.0.0.1:", true)));
  p.signal(SIGTERM);
  CHECK(p.wait() == ending{.signal = SIGTERM});

  process q({beside("readme_server"), "nowhere"});
  CHECK(q.wait() == ending{.exit_code = 1});
}

TEST_SUITE_END();
