// SPDX-License-Identifier: Apache-2.0
// Exceptions in flight belong to the fiber, also when it parks in a handler or while unwinding and goes
// on on another thread.
#include <doctest/doctest.h>

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <weft/weft.hpp>

#include "tests/support/fibers.hpp"
#include "tests/support/scale.hpp"

using namespace std::chrono_literals;
using weft::testing_support::run;
using weft::testing_support::scaled;

namespace {

constexpr int fibers = 20;
constexpr int rounds = scaled(50, 20);

// Parks in one of several ways, so that other fibers run in between and this one may change its thread.
void park(int i) {
  switch (i % 4) {
    case 0:
      weft::yield();
      break;
    case 1:
      weft::sleep(std::chrono::microseconds(i % 50));
      break;
    case 2:
      weft::blocking([] {});
      break;
    default:
      weft::spawn([] { weft::yield(); }).get();
      break;
  }
}

template <class F>
void many(F f) {
  run([&] {
    weft::wait_group all;
    for (int i = 0; i < fibers; ++i) {
      all.go([&, i] {
        for (int r = 0; r < rounds; ++r) f(i, r);
      });
    }
    all.wait();
  });
}

}  // namespace

TEST_CASE("exception: parking inside a handler") {
  many([](int i, int r) {
    const std::string text = "fiber " + std::to_string(i) + " round " + std::to_string(r);
    try {
      throw std::runtime_error(text);
    } catch (const std::exception& e) {
      park(r);
      CHECK(e.what() == text);
      CHECK(std::current_exception() != nullptr);
      park(r + 1);
      try {
        throw;
      } catch (const std::runtime_error& again) {
        CHECK(again.what() == text);
      }
    }
    CHECK(std::current_exception() == nullptr);
    CHECK(std::uncaught_exceptions() == 0);
  });
}

TEST_CASE("exception: rethrown out of the handler after a park") {
  many([](int i, int r) {
    bool caught = false;
    try {
      try {
        throw i * 1000 + r;
      } catch (int) {
        park(r);
        throw;
      }
    } catch (int v) {
      caught = v == i * 1000 + r;
    }
    CHECK(caught);
  });
}

TEST_CASE("exception: handlers nested over parks") {
  many([](int i, int r) {
    try {
      throw i;
    } catch (int outer) {
      park(r);
      try {
        throw std::to_string(r);
      } catch (const std::string& inner) {
        park(r + 1);
        CHECK(inner == std::to_string(r));
      }
      CHECK(outer == i);
      CHECK(std::current_exception() != nullptr);
    }
    CHECK(std::current_exception() == nullptr);
  });
}

TEST_CASE("exception: parking in a destructor while unwinding") {
  struct parks {
    int r;
    int before = std::uncaught_exceptions();
    ~parks() {
      CHECK(std::uncaught_exceptions() == before + 1);
      park(r);
      CHECK(std::uncaught_exceptions() == before + 1);
      // Another exception, thrown and caught during the unwinding.
      try {
        throw 1;
      } catch (int) {
        park(r + 1);
      }
      CHECK(std::uncaught_exceptions() == before + 1);
    }
  };
  many([](int i, int r) {
    bool caught = false;
    try {
      const parks p{.r = r};
      throw i + r;
    } catch (int v) {
      caught = v == i + r;
    }
    CHECK(caught);
    CHECK(std::uncaught_exceptions() == 0);
  });
}

TEST_CASE("exception: a fiber starts with none, whatever its spawner is in") {
  run([] {
    try {
      throw 1;
    } catch (int) {
      weft::spawn([] {
        CHECK(std::current_exception() == nullptr);
        CHECK(std::uncaught_exceptions() == 0);
        CHECK_THROWS_AS(throw std::string("x"), std::string);
      }).get();
      CHECK(std::current_exception() != nullptr);
    }
  });
}

TEST_CASE("exception: an exception_ptr travels") {
  run([] {
    weft::chan<std::exception_ptr> c;
    weft::go([c]() mutable {
      try {
        throw std::runtime_error("travels");
      } catch (...) {
        (void)c.send(std::current_exception());
      }
    });
    auto e = c.recv();
    weft::yield();
    CHECK_THROWS_WITH_AS(std::rethrow_exception(*e), "travels", std::runtime_error);
  });
}
