// SPDX-License-Identifier: Apache-2.0
// An echo server: an accept loop, a fiber a connection, deadlines, and an end in good order.
//
//     echo_server [--port N]      0: any free port
//     nc 127.0.0.1 PORT
//
// SIGTERM and SIGINT drain it: nothing new is accepted, what was read is written back, and it exits 0.
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include <weft/weft.hpp>

namespace {

using namespace std::chrono_literals;

constexpr auto idle_limit = 60s;   // a connection that says nothing for so long is closed
constexpr auto write_limit = 10s;  // and so is one that does not take what it is sent

// The whole protocol. It reads like the code of one thread for one client, and parks where that would block.
void echo(weft::net::conn conn) {
  std::array<char, 4096> buffer;  // on the fiber's stack; its pages come with the first byte written there
  // "Done" is asked for, too: cancelling interrupts only waiting, and a client in full flow never lets it wait.
  while (!weft::this_fiber::context().done()) {
    // Reading also watches the fiber's own context, which the drain cancels.
    const auto got = conn.read(buffer, idle_limit);
    if (got.n != 0) {
      // What was read is owed: never() lets only this deadline interrupt, not the drain.
      conn.set_write_deadline(write_limit);
      if (!conn.write_all({buffer.data(), got.n}, weft::until::never())) return;
    }
    if (got.ec) return;  // weft::errc::eof, timed_out, canceled, or the kernel's: over in any case
  }
}  // ~conn closes

void accept_all(weft::net::listener& listener, weft::group& connections, std::atomic<std::uint64_t>& accepted) {
  for (;;) {
    auto conn = listener.accept();
    if (conn) {
      accepted.fetch_add(1, std::memory_order_relaxed);
      connections.go([c = std::move(*conn)]() mutable { echo(std::move(c)); }, {.name = "connection"});
    } else if (conn.error() == weft::errc::canceled || conn.error() == weft::errc::closed) {
      return;
    } else {
      // Out of files or memory: it passes when a connection ends. To try again at once would burn a CPU.
      std::fprintf(stderr, "echo_server: accept: %s\n", conn.error().message().c_str());
      (void)weft::sleep(1s);
    }
  }
}

int serve(int port) {
  // Before anything can go wrong that a signal would have to stop.
  auto stop = weft::notify_signals({SIGTERM, SIGINT});
  if (!stop) {
    std::fprintf(stderr, "echo_server: signals: %s\n", stop.error().message().c_str());
    return 1;
  }
  const std::string address = "127.0.0.1:" + std::to_string(port);
  auto listener = weft::net::listen("tcp", address);
  if (!listener) {
    std::fprintf(stderr, "echo_server: cannot listen on %s: %s\n", address.c_str(), listener.error().message().c_str());
    return 1;
  }
  std::printf("echo_server: listening on %s, %d Ps\n", listener->local_address().to_string().c_str(), weft::procs());
  std::fflush(stdout);

  std::atomic<std::uint64_t> accepted{0};
  weft::group connections;
  auto acceptor = weft::spawn([&] { accept_all(*listener, connections, accepted); }, {.name = "accept"});

  (void)stop->recv();
  acceptor.cancel();  // cancels its fiber's context: accept() returns errc::canceled
  acceptor.get();
  (void)listener->close();
  connections.cancel();
  (void)connections.wait(weft::until::never());  // not long: write_limit sees to it
  std::printf("echo_server: served %llu connections\n", static_cast<unsigned long long>(accepted.load()));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  int port = 7777;
  if (argc == 3 && std::string_view(argv[1]) == "--port") {
    const char* end = argv[2] + std::strlen(argv[2]);
    const auto [last, error] = std::from_chars(argv[2], end, port);
    if (error != std::errc{} || last != end) port = -1;
  } else if (argc != 1) {
    port = -1;
  }
  if (port < 0 || port > 65535) {
    std::fprintf(stderr, "usage: echo_server [--port N]\n");
    return 2;
  }
  return weft::run([port] { return serve(port); });
}
