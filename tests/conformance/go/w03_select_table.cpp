// SPDX-License-Identifier: Apache-2.0
// The truth table of blocking: nil, empty, full and closed channels; send and receive; plain, in a
// select, with and without an otherwise case, alone and beside a case that is never ready.
#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"

using namespace std::chrono_literals;
using weft::testing_support::run;

namespace {

using channel = weft::chan<int>;
constexpr auto patience = 5ms;  // "blocks" means: has not completed after this

struct row {
  std::string name;
  std::function<channel()> make;
  bool send_blocks;
  bool recv_blocks;
};

channel with(std::size_t capacity, std::size_t values, bool close = false) {
  channel c(capacity);
  for (std::size_t i = 0; i < values; ++i) CHECK(!c.send(7));
  if (close) c.close();
  return c;
}

std::vector<row> table() {
  return {
      {"nil", [] { return channel(nullptr); }, true, true},
      {"unbuffered", [] { return with(0, 0); }, true, true},
      {"buffered, empty", [] { return with(10, 0); }, false, true},
      {"buffered, half full", [] { return with(10, 5); }, false, false},
      {"buffered, full", [] { return with(10, 10); }, true, false},
      {"closed, unbuffered", [] { return with(0, 0, true); }, false, false},
      {"closed, empty", [] { return with(10, 0, true); }, false, false},
      {"closed, with values", [] { return with(10, 5, true); }, false, false},
  };
}

// Whether the operation blocks, asked in every way there is; all must agree.
bool plain_send_blocks(channel c) {
  return c.send(1, patience) == weft::errc::timed_out;
}
bool plain_recv_blocks(channel c) {
  auto r = c.recv(patience);
  return !r && r.error() == weft::errc::timed_out;
}
bool try_send_blocks(channel c) {
  return c.try_send(1) == weft::errc::would_block;
}
bool try_recv_blocks(channel c) {
  auto r = c.try_recv();
  return !r && r.error() == weft::errc::would_block;
}

constexpr auto ignore_recv = [](auto) {};
constexpr auto ignore_send = [](std::error_code) {};
constexpr auto nothing = [] {};

bool select_send_blocks(channel c) {
  return weft::select(weft::on_send(c, 1, ignore_send), weft::after(patience, nothing)) == 1;
}
bool select_recv_blocks(channel c) {
  return weft::select(weft::on_recv(c, ignore_recv), weft::after(patience, nothing)) == 1;
}
bool select_send_beside_blocks(channel c) {
  channel never;
  return weft::select(weft::on_recv(never, ignore_recv), weft::on_send(c, 1, ignore_send),
                      weft::after(patience, nothing)) == 2;
}
bool select_recv_beside_blocks(channel c) {
  channel never(nullptr);
  return weft::select(weft::on_send(never, 1, ignore_send), weft::on_recv(c, ignore_recv),
                      weft::after(patience, nothing)) == 2;
}
bool select_send_otherwise(channel c) {
  return weft::select(weft::on_send(c, 1, ignore_send), weft::otherwise(nothing)) == 1;
}
bool select_recv_otherwise(channel c) {
  return weft::select(weft::otherwise(nothing), weft::on_recv(c, ignore_recv)) == 0;
}

}  // namespace

TEST_CASE("go/select/table") {
  run([] {
    const std::vector<std::pair<const char*, bool (*)(channel)>> sends = {
        {"send", plain_send_blocks},
        {"try_send", try_send_blocks},
        {"select", select_send_blocks},
        {"select beside an unready case", select_send_beside_blocks},
        {"select with otherwise", select_send_otherwise}};
    const std::vector<std::pair<const char*, bool (*)(channel)>> recvs = {
        {"recv", plain_recv_blocks},
        {"try_recv", try_recv_blocks},
        {"select", select_recv_blocks},
        {"select beside an unready case", select_recv_beside_blocks},
        {"select with otherwise", select_recv_otherwise}};
    for (const row& r : table()) {
      for (const auto& [how, blocks] : sends) {
        const bool blocked = blocks(r.make());  // parks: not inside a message, which is thread-local
        CHECK_MESSAGE(blocked == r.send_blocks, r.name, ": ", how);
      }
      for (const auto& [how, blocks] : recvs) {
        const bool blocked = blocks(r.make());
        CHECK_MESSAGE(blocked == r.recv_blocks, r.name, ": ", how);
      }
    }
  });
}

TEST_CASE("go/select/table: without channels") {
  run([] {
    CHECK(weft::select(weft::otherwise(nothing)) == 0);
    CHECK(weft::select(weft::after(patience, nothing)) == 0);

    // An empty select blocks until the end of the run; unlike all others it cannot be woken, so it is
    // looked at from outside by the test of the deadlock report.
  });
}
