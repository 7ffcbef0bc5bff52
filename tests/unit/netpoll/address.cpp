// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <string>

#include <netinet/in.h>

#include <doctest/doctest.h>

#include <weft/error.hpp>
#include <weft/net.hpp>

using weft::net::address;

TEST_CASE("addresses are read and written") {
  const struct {
    const char* text;
    const char* written;
    int port;
  } good[] = {
      {"127.0.0.1:80", "127.0.0.1:80", 80},
      {"0.0.0.0:0", "0.0.0.0:0", 0},
      {"255.255.255.255:65535", "255.255.255.255:65535", 65535},
      {"[::1]:443", "[::1]:443", 443},
      {"[::]:1", "[::]:1", 1},
      {"[2001:DB8:0:0::1]:8080", "[2001:db8::1]:8080", 8080},
      {"[::ffff:10.0.0.1]:5", "[::ffff:10.0.0.1]:5", 5},
      {"[fe80::1%7]:22", "[fe80::1%7]:22", 22},
      {":8080", "[::]:8080", 8080},
      {"1.2.3.4:00080", "1.2.3.4:80", 80},
  };
  for (const auto& g : good) {
    CAPTURE(g.text);
    const auto a = address::parse(g.text);
    REQUIRE(a.has_value());
    CHECK(a->to_string() == g.written);
    CHECK(a->port() == g.port);
  }
}

TEST_CASE("what is no address is refused") {
  const std::string_view bad[] = {
      "",
      ":",
      "127.0.0.1",
      "127.0.0.1:",
      "127.0.0.1:70000",
      "127.0.0.1:65536",
      "127.0.0.1:-1",
      "127.0.0.1:+1",
      "127.0.0.1: 80",
      "127.0.0.1:80 ",
      "127.0.0.1:http",
      "127.0.0.1:99999999999999999999",
      "127.0.0.1:80:80",
      "127.1:80",
      "0x7f.0.0.1:80",
      "256.0.0.1:80",
      "1.2.3:80",
      "localhost:80",
      "::1:80",
      "[::1]",
      "[::1]80",
      "[::1:80",
      "::1]:80",
      "[]:80",
      "[127.0.0.1]:80",
      "[[::1]]:80",
      "[::g]:80",
      "[1::2::3]:80",
      "[fe80::1%]:80",
      "[fe80::1%no-such-interface]:80",
      "127.0.0.1%1:80",
      "garbage",
      std::string_view("127.0.0.1\0:80", 13),
      std::string_view("127.0.0.1:80\0", 13),
      "[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]:80",
  };
  for (const auto& b : bad) {
    CAPTURE(b);
    const auto a = address::parse(b);
    REQUIRE_FALSE(a.has_value());
    CHECK(a.error() == weft::errc::bad_address);
  }
}

TEST_CASE("an address from a socket address") {
  sockaddr_in sa{};
  sa.sin_family = AF_INET;
  sa.sin_port = htons(1234);
  sa.sin_addr.s_addr = htonl(0x0a000001);
  const address a(reinterpret_cast<const sockaddr*>(&sa), sizeof sa);
  CHECK(a.to_string() == "10.0.0.1:1234");
  CHECK(a.size() == sizeof sa);
  CHECK(address().to_string().empty());
  CHECK(address().port() == 0);
}

TEST_CASE("handles of nothing say closed") {
  weft::net::conn c;
  weft::net::listener l;
  char buffer[1];
  CHECK(c.read(buffer).ec == weft::errc::closed);
  CHECK(c.write_all("x").ec == weft::errc::closed);
  CHECK(c.close() == weft::errc::closed);
  CHECK(c.native_handle() == -1);
  CHECK(c.local_address().to_string().empty());
  c.set_deadline(weft::clock::now());
  CHECK(l.accept().error() == weft::errc::closed);
  CHECK(l.close() == weft::errc::closed);
}

TEST_CASE("without a run there is no network") {
  CHECK(weft::net::listen("tcp", "127.0.0.1:0").error() == weft::errc::not_running);
  CHECK(weft::net::dial("tcp", "127.0.0.1:1").error() == weft::errc::not_running);
}
