// SPDX-License-Identifier: Apache-2.0
// http_server with many connections, under load, and with clients that die.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/client.hpp"
#include "tests/integration/http_server.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/scale.hpp"
#include "tests/support/skip.hpp"

using namespace std::literals;
using weft::integration::client;
using weft::integration::count;
using weft::integration::counts;
using weft::integration::ending;
using weft::integration::find_tool;
using weft::integration::http_server;
using weft::integration::patience;
using weft::integration::process;
using weft::testing_support::eventually;
using weft::testing_support::scaled;
using weft::testing_support::skip;

namespace {

const std::string hello = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

// Waits for the counts; says which they are if that is in vain.
bool settles_at(http_server& server, const counts& wanted) {
  if (eventually([&] { return count(server) == wanted; }, patience)) return true;
  MESSAGE("expected " << wanted << ", there are " << count(server));
  return false;
}

// One run of wrk: no error, and its report.
std::string run_wrk(const std::string& program, http_server& server, int connections, int seconds) {
  process load({program, "-t1", "-c" + std::to_string(connections), "-d" + std::to_string(seconds) + "s", "--timeout",
                "20s", "http://" + server.address() + "/"});
  CHECK(load.wait() == ending{.exit_code = 0});
  std::string out = load.out();
  CAPTURE(out);
  CHECK(out.find("Requests/sec:") != out.npos);
  CHECK(out.find("Socket errors") == out.npos);
  CHECK(out.find("Non-2xx") == out.npos);
  return out;
}

void wrk(int connections) {
  const std::string program = find_tool("wrk");
  if (program.empty()) return skip("wrk is not installed");
  http_server server;
  const counts before = count(server);
  constexpr std::string_view none = "Requests/sec:      0.00";
  const std::string out = run_wrk(program, server, connections, 4);
  CAPTURE(out);
  CHECK(out.find(none) == out.npos);
  const auto rate = out.find("Requests/sec:");
  if (rate != out.npos) {
    std::printf("%d connections: %s", connections, out.substr(rate, out.find('\n', rate) + 1 - rate).c_str());
  }
  CHECK(settles_at(server, before));
  CHECK(server.stop() == ending{.exit_code = 0});
  CHECK(server.program().err() == "");
}

// The files this process may open, after asking for all it can have.
std::size_t file_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

// What a client that dies had been doing.
void begin_something(client& c, std::size_t kind) {
  switch (kind % 6) {
    case 0:
      break;  // connected, and that was all
    case 1:
      c.send("GET / HT");
      break;
    case 2:
      c.send("GET / HTTP/1.1\r\nHost: test\r\nX-Fi");
      break;
    case 3:
      c.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\nhalf");
      break;
    case 4:
      c.send("GET /sleep?ms=200 HTTP/1.1\r\nHost: test\r\n\r\n");
      break;
    default:  // many requests, and no response is ever read
      for (int i = 0; i < 2'000 && c.send_some(hello) > 0; ++i) {
      }
  }
}

// A process with `n` connections in the middle of something. It says so by a byte, and waits to be killed.
class doomed_clients {
 public:
  doomed_clients(int port, std::size_t n) {
    std::array<int, 2> ready{};
    REQUIRE(::pipe(ready.data()) == 0);
    std::fflush(stdout);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      ::alarm(600);  // if the test dies first
      try {
        std::vector<client> clients;
        for (std::size_t i = 0; i < n; ++i) {
          clients.emplace_back(port, ""sv, 4096);
          begin_something(clients.back(), i);
        }
        (void)!::write(ready[1], "r", 1);
        for (;;) ::pause();
      } catch (const std::exception& e) {
        (void)!::write(STDERR_FILENO, e.what(), std::string_view(e.what()).size());
      }
      ::_exit(1);
    }
    ::close(ready[1]);
    char byte = 0;
    ready_ = ::read(ready[0], &byte, 1) == 1;
    ::close(ready[0]);
  }
  doomed_clients(const doomed_clients&) = delete;
  doomed_clients& operator=(const doomed_clients&) = delete;
  ~doomed_clients() { kill(); }

  [[nodiscard]] bool ready() const noexcept { return ready_; }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
  bool ready_ = false;
};

}  // namespace

TEST_SUITE_BEGIN("wrk");

TEST_CASE("64 connections of wrk, no error") {
  wrk(64);
}

TEST_CASE("1000 connections of wrk, no error") {
  wrk(1000);
}

TEST_SUITE_END();

TEST_SUITE_BEGIN("load");

// 10,000 and 64; under a sanitizer 1,000 and 16, as each connection there costs many times the memory and time.
TEST_CASE("10,000 idle and 64 busy connections, no error" * doctest::timeout(240)) {
  constexpr std::size_t idle_n = scaled<std::size_t>(10'000, 1'000);
  constexpr std::size_t busy_n = scaled<std::size_t>(64, 16);
  constexpr auto busy_time = 2s;
  if (const auto limit = file_limit(); limit < idle_n + busy_n + 100) {
    return skip("it needs " + std::to_string(idle_n + busy_n + 100) + " files, and may open " + std::to_string(limit));
  }
  http_server server;
  const counts before = count(server);

  std::vector<client> idle;
  idle.reserve(idle_n);
  const auto ask_all = [](std::vector<client>& clients) {
    std::size_t good = 0;
    for (auto& c : clients) c.send(hello);
    for (auto& c : clients) good += c.receive().status == 200 ? 1U : 0U;
    return good;
  };
  for (std::size_t i = 0; i < idle_n; ++i) {
    idle.emplace_back(server.port(), "127.0.0." + std::to_string(2 + i / 5'000));
    idle.back().send(hello);
    REQUIRE(idle.back().receive().status == 200);
  }
  CHECK(server.stat("connections") == before.connections + static_cast<long>(idle_n));

  std::vector<client> busy;
  for (std::size_t i = 0; i < busy_n; ++i) busy.emplace_back(server.port(), "127.0.0.4"sv);
  std::size_t rounds = 0;
  for (const auto end = std::chrono::steady_clock::now() + busy_time; std::chrono::steady_clock::now() < end;
       ++rounds) {
    REQUIRE(ask_all(busy) == busy_n);
  }
  std::printf("%zu idle, %zu busy connections: %zu requests in %lld s\n", idle_n, busy_n, rounds * busy_n,
              static_cast<long long>(busy_time.count()));
  CHECK(rounds > 0);

  // All of the idle ones are still there, and speak all at once.
  CHECK(ask_all(idle) == idle_n);
  idle.clear();
  busy.clear();
  CHECK(settles_at(server, before));
  CHECK(server.stop() == ending{.exit_code = 0});
  CHECK(server.program().err() == "");
}

TEST_CASE("clients that are killed in the middle of requests leave no file and no fiber" * doctest::timeout(240)) {
  constexpr std::size_t n = scaled<std::size_t>(200, 60);
  http_server server;
  // The first round only makes the runtime make what it makes once and keeps.
  counts before{};
  for (int round = 0; round < scaled(6, 3); ++round) {
    doomed_clients clients(server.port(), n);
    REQUIRE(clients.ready());
    CHECK(eventually([&] { return server.stat("connections") == 1 + static_cast<long>(n); }, patience));
    if (round != 0) {
      CHECK(server.stat("fibers") == before.fibers + static_cast<long>(n));
      CHECK(server.program().open_files() == before.files + n);
    }
    clients.kill();
    CHECK(eventually([&] { return server.stat("connections") == 1; }, patience));
    if (round == 0) {
      before = count(server);
    } else {
      CHECK(settles_at(server, before));
    }
  }
  CHECK(server.stop() == ending{.exit_code = 0});
  CHECK(server.program().err() == "");
}

TEST_SUITE_END();
