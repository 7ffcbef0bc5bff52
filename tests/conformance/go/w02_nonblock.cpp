// SPDX-License-Identifier: Apache-2.0
// Try-forms on empty and full channels and beside waiting peers, for elements of several sizes: they
// never block, and never claim they would when they would not.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include <weft/weft.hpp>

#include "tests/support/eventually.hpp"
#include "tests/support/fibers.hpp"

using weft::testing_support::eventually;
using weft::testing_support::run;

namespace {

struct wide {
  std::array<std::int64_t, 125> words{};
  bool operator==(const wide&) const = default;
};

template <class T>
T sample();
template <>
bool sample() {
  return true;
}
template <>
std::int8_t sample() {
  return 123;
}
template <>
std::int32_t sample() {
  return 123'456;
}
template <>
std::int64_t sample() {
  return 0x1234'5678'9abc'def0;
}
template <>
std::string sample() {
  return "a string too long for the small buffer of std::string";
}
template <>
wide sample() {
  wide w;
  for (std::size_t i = 0; i < w.words.size(); ++i) w.words[i] = static_cast<std::int64_t>(i) * 7;
  return w;
}

struct empty {
  bool operator==(const empty&) const = default;
};
template <>
empty sample() {
  return {};
}

}  // namespace

TEST_CASE_TEMPLATE("go/chan/nonblock", T, bool, std::int8_t, std::int32_t, std::int64_t, std::string, wide, empty) {
  run([] {
    const T value = sample<T>();

    SUBCASE("unbuffered, nobody waits") {
      weft::chan<T> c;
      for (int i = 0; i < 3; ++i) {
        CHECK(c.try_recv().error() == weft::errc::would_block);
        CHECK(c.try_send(value) == weft::errc::would_block);
      }
      CHECK(c.size() == 0);
    }
    SUBCASE("unbuffered, a receiver waits") {
      weft::chan<T> c;
      auto receiver = weft::spawn([c, &value]() mutable { return c.recv() == value; });
      // The first success must be as soon as the receiver has parked; a try that would hand the value to
      // nobody is caught by the receiver.
      CHECK(eventually([&] { return !c.try_send(value); }));
      CHECK(receiver.get());
      CHECK(c.try_send(value) == weft::errc::would_block);
    }
    SUBCASE("unbuffered, a sender waits") {
      weft::chan<T> c;
      auto sender = weft::spawn([c, &value]() mutable { return c.send(value); });
      bool right = false;
      CHECK(eventually([&] {
        auto r = c.try_recv();
        if (r) right = *r == value;
        return r.has_value();
      }));
      CHECK(right);
      CHECK(!sender.get());
      CHECK(c.try_recv().error() == weft::errc::would_block);
    }
    SUBCASE("buffered") {
      weft::chan<T> c(1);
      CHECK(c.try_recv().error() == weft::errc::would_block);
      CHECK(!c.try_send(value));
      CHECK(c.try_send(value) == weft::errc::would_block);
      CHECK(c.size() == 1);
      CHECK(c.try_recv() == value);
      CHECK(c.try_recv().error() == weft::errc::would_block);
    }
    SUBCASE("buffered, a receiver waits") {
      weft::chan<T> c(1);
      auto receiver = weft::spawn([c, &value]() mutable { return c.recv() == value; });
      CHECK(!c.try_send(value));
      CHECK(receiver.get());
      CHECK(c.size() == 0);
    }
    SUBCASE("full, a sender waits") {
      weft::chan<T> c(1);
      CHECK(!c.send(value));
      auto sender = weft::spawn([c, &value]() mutable { return c.send(value); });
      CHECK(c.try_recv() == value);
      CHECK(!sender.get());
      CHECK(c.try_recv() == value);
    }
  });
}
