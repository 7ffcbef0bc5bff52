// SPDX-License-Identifier: Apache-2.0
// Every way to send meets every way to receive.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include <weft/weft.hpp>

#include "tests/support/eventually.hpp"
#include "tests/support/fibers.hpp"

using namespace std::chrono_literals;
using weft::testing_support::eventually;
using weft::testing_support::run;

namespace {

using channel = weft::chan<int>;

struct send_form {
  std::string name;
  void (*send)(channel, int);
};
struct recv_form {
  std::string name;
  int (*recv)(channel);
};

const std::vector<send_form> sends = {
    {"send", [](channel c, int v) { CHECK(!c.send(v)); }},
    {"send with a timeout", [](channel c, int v) { CHECK(!c.send(v, 30s)); }},
    {"try_send", [](channel c, int v) { CHECK(eventually([&] { return !c.try_send(v); })); }},
    {"select of one", [](channel c, int v) { weft::select(weft::on_send(c, v, [](auto ec) { CHECK(!ec); })); }},
    {"select of two",
     [](channel c, int v) {
       channel other;
       CHECK(weft::select(weft::on_send(other, -1, [](auto) {}), weft::on_send(c, v, [](auto ec) { CHECK(!ec); })) ==
             1);
     }},
    {"select of two, receiving",
     [](channel c, int v) {
       channel other;
       CHECK(weft::select(weft::on_send(c, v, [](auto ec) { CHECK(!ec); }), weft::on_recv(other, [](auto) {})) == 0);
     }},
};

const std::vector<recv_form> recvs = {
    {"recv", [](channel c) { return c.recv().value_or(-1); }},
    {"recv with a timeout", [](channel c) { return c.recv(30s).value_or(-1); }},
    {"try_recv",
     [](channel c) {
       int v = -1;
       CHECK(eventually([&] {
         auto r = c.try_recv();
         if (r) v = *r;
         return r.has_value();
       }));
       return v;
     }},
    {"range-for",
     [](channel c) {
       for (int v : c) return v;
       return -1;
     }},
    {"select of one",
     [](channel c) {
       int v = -1;
       weft::select(weft::on_recv(c, [&](auto r) { v = r.value_or(-2); }));
       return v;
     }},
    {"select of two",
     [](channel c) {
       int v = -1;
       channel other;
       CHECK(weft::select(weft::on_recv(c, [&](auto r) { v = r.value_or(-2); }), weft::on_recv(other, [](auto) {})) ==
             0);
       return v;
     }},
    {"select of two, sending",
     [](channel c) {
       int v = -1;
       channel other;
       CHECK(weft::select(weft::on_send(other, 0, [](auto) {}),
                          weft::on_recv(c, [&](auto r) { v = r.value_or(-2); })) == 1);
       return v;
     }},
};

bool tries(const std::string& name) {
  return name.starts_with("try");
}

}  // namespace

TEST_CASE("go/select/forms") {
  run([] {
    for (std::size_t capacity : {0, 1}) {
      for (const auto& s : sends) {
        for (const auto& r : recvs) {
          // Two that only try never meet on an unbuffered channel.
          if (capacity == 0 && tries(s.name) && tries(r.name)) continue;
          for (bool receiver_first : {true, false}) {
            channel c(capacity);
            if (receiver_first) {
              auto receiver = weft::spawn([&] { return r.recv(c); });
              weft::yield();
              s.send(c, 42);
              const int got = receiver.get();  // parks: not inside a message, which is thread-local
              CHECK_MESSAGE(got == 42, s.name, " to ", r.name);
            } else {
              auto sender = weft::spawn([&] { s.send(c, 43); });
              weft::yield();
              const int got = r.recv(c);
              CHECK_MESSAGE(got == 43, s.name, " to ", r.name);
              sender.get();
            }
            CHECK(c.size() == 0);
          }
        }
      }
    }
  });
}
