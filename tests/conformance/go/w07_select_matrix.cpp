// SPDX-License-Identifier: Apache-2.0
// A generated matrix: operation x phrasing x element type x state of the channel x position in the select.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"

using weft::testing_support::run;

namespace {

struct alignas(32) aligned {
  int v = 0;
  friend bool operator==(const aligned&, const aligned&) = default;
};
using wide = std::array<int, 300>;
using owner = std::unique_ptr<int>;

template <class T>
T make(int i) {
  if constexpr (std::is_same_v<T, std::string>) {
    return std::string(50, 'x') + std::to_string(i);
  } else if constexpr (std::is_same_v<T, wide>) {
    wide w{};
    w.fill(i);
    return w;
  } else if constexpr (std::is_same_v<T, owner>) {
    return std::make_unique<int>(i);
  } else if constexpr (std::is_same_v<T, aligned>) {
    return aligned{i};
  } else {
    return static_cast<T>(i);
  }
}
template <class T>
bool is(const T& v, int i) {
  if constexpr (std::is_same_v<T, owner>) {
    return v != nullptr && *v == i;
  } else {
    return v == make<T>(i);
  }
}

// What happens to the tested operation.
enum class state { buffered, peer_waits, peer_comes, closed };
constexpr std::array states{state::buffered, state::peer_waits, state::peer_comes, state::closed};

// How it is written.
enum class phrase { plain, timed, alone, with_otherwise, first, middle, last, twice, beside_opposite };
constexpr std::array phrases{phrase::plain,  phrase::timed, phrase::alone, phrase::with_otherwise, phrase::first,
                             phrase::middle, phrase::last,  phrase::twice, phrase::beside_opposite};

// An otherwise case would win while the peer is still on its way.
constexpr bool makes_sense(phrase p, state s) {
  const bool ready = s == state::buffered || s == state::closed;
  if (p == phrase::with_otherwise) return ready;
  // Beside the opposite operation on the same channel only a peer decides which of the two runs.
  if (p == phrase::beside_opposite) return s == state::peer_waits || s == state::peer_comes;
  return true;
}

template <class T>
struct outcome {
  std::error_code ec;
  std::optional<T> value;
  bool index_right = true;
};

template <class T>
outcome<T> do_recv(phrase p, weft::chan<T> c) {
  outcome<T> out;
  weft::chan<T> idle1;
  weft::chan<T> idle2(nullptr);
  auto take = [&out](std::expected<T, std::error_code>&& r) {
    if (r) {
      out.value.emplace(std::move(*r));
    } else {
      out.ec = r.error();
    }
  };
  auto no_recv = [&out](auto) { out.index_right = false; };
  auto no_send = [&out](std::error_code) { out.index_right = false; };
  std::size_t index = 0;
  std::size_t expected = 0;
  switch (p) {
    case phrase::plain:
      take(c.recv());
      break;
    case phrase::timed:
      take(c.recv(std::chrono::seconds(30)));
      break;
    case phrase::alone:
      index = weft::select(weft::on_recv(c, take));
      break;
    case phrase::with_otherwise:
      index = weft::select(weft::on_recv(c, take), weft::otherwise([] {}));
      break;
    case phrase::first:
      index = weft::select(weft::on_recv(c, take), weft::on_recv(idle1, no_recv), weft::on_recv(idle2, no_recv));
      break;
    case phrase::middle:
      expected = 1;
      index = weft::select(weft::on_recv(idle1, no_recv), weft::on_recv(c, take),
                           weft::on_send(idle2, make<T>(0), no_send));
      break;
    case phrase::last:
      expected = 2;
      index = weft::select(weft::on_send(idle1, make<T>(0), no_send), weft::on_send(idle2, make<T>(0), no_send),
                           weft::on_recv(c, take));
      break;
    case phrase::twice:
      index = weft::select(weft::on_recv(c, take), weft::on_recv(c, take));
      expected = index;
      break;
    case phrase::beside_opposite:
      index = weft::select(weft::on_recv(c, take), weft::on_send(c, make<T>(0), no_send));
      break;
  }
  out.index_right = out.index_right && index == expected;
  return out;
}

template <class T>
outcome<T> do_send(phrase p, weft::chan<T> c, T v) {
  outcome<T> out;
  weft::chan<T> idle1;
  weft::chan<T> idle2(nullptr);
  auto sent = [&out](std::error_code ec) { out.ec = ec; };
  auto no_recv = [&out](auto) { out.index_right = false; };
  auto no_send = [&out](std::error_code) { out.index_right = false; };
  std::size_t index = 0;
  std::size_t expected = 0;
  switch (p) {
    case phrase::plain:
      sent(c.send(std::move(v)));
      break;
    case phrase::timed:
      sent(c.send(std::move(v), std::chrono::seconds(30)));
      break;
    case phrase::alone:
      index = weft::select(weft::on_send(c, std::move(v), sent));
      break;
    case phrase::with_otherwise:
      index = weft::select(weft::on_send(c, std::move(v), sent), weft::otherwise([] {}));
      break;
    case phrase::first:
      index = weft::select(weft::on_send(c, std::move(v), sent), weft::on_recv(idle1, no_recv),
                           weft::on_recv(idle2, no_recv));
      break;
    case phrase::middle:
      expected = 1;
      index = weft::select(weft::on_recv(idle1, no_recv), weft::on_send(c, std::move(v), sent),
                           weft::on_send(idle2, make<T>(0), no_send));
      break;
    case phrase::last:
      expected = 2;
      index = weft::select(weft::on_send(idle1, make<T>(0), no_send), weft::on_send(idle2, make<T>(0), no_send),
                           weft::on_send(c, std::move(v), sent));
      break;
    case phrase::twice:
      index = weft::select(weft::on_send(c, std::move(v), sent), weft::on_send(c, make<T>(5), sent));
      expected = index;
      if (index == 1) out.value.emplace(make<T>(5));
      break;
    case phrase::beside_opposite:
      index = weft::select(weft::on_send(c, std::move(v), sent), weft::on_recv(c, no_recv));
      break;
  }
  out.index_right = out.index_right && index == expected;
  return out;
}

template <class T>
void check_recv(phrase p, state s) {
  weft::chan<T> c(s == state::buffered ? 1 : 0);
  weft::task<std::error_code> peer;
  auto send_five = [c]() mutable { return c.send(make<T>(5)); };
  if (s == state::buffered) CHECK(!c.send(make<T>(5)));
  if (s == state::closed) c.close();
  if (s == state::peer_waits) {
    peer = weft::spawn(send_five);
    weft::yield();
  }
  if (s == state::peer_comes) peer = weft::spawn(send_five, {.place = weft::place::tail});
  const outcome<T> got = do_recv<T>(p, c);
  CHECK(got.index_right);
  if (s == state::closed) {
    CHECK(got.ec == weft::errc::closed);
    CHECK(!got.value);
  } else {
    CHECK(!got.ec);
    CHECK((got.value && is<T>(*got.value, 5)));
  }
  if (peer.valid()) CHECK(!peer.get());
}

template <class T>
void check_send(phrase p, state s) {
  weft::chan<T> c(s == state::buffered ? 1 : 0);
  weft::task<std::expected<T, std::error_code>> peer;
  auto receive = [c]() mutable { return c.recv(); };
  if (s == state::closed) c.close();
  if (s == state::peer_waits) {
    peer = weft::spawn(receive);
    weft::yield();
  }
  if (s == state::peer_comes) peer = weft::spawn(receive, {.place = weft::place::tail});
  const outcome<T> done = do_send<T>(p, c, make<T>(6));
  CHECK(done.index_right);
  if (s == state::closed) {
    CHECK(done.ec == weft::errc::closed);
    return;
  }
  CHECK(!done.ec);
  auto received = peer.valid() ? peer.get() : c.recv();
  CHECK((received && is<T>(*received, done.value ? 5 : 6)));
}

}  // namespace

TEST_CASE_TEMPLATE("go/select/matrix", T, std::int8_t, std::int64_t, std::string, owner, wide, aligned) {
  run([] {
    for (int round = 0; round < 20; ++round) {
      for (state s : states) {
        for (phrase p : phrases) {
          if (!makes_sense(p, s)) continue;
          check_recv<T>(p, s);
          check_send<T>(p, s);
        }
      }
    }
  });
}
