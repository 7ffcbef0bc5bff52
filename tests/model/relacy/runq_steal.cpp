// SPDX-License-Identifier: Apache-2.0
// The ring between its owner and thieves: what is pushed is taken exactly once, with all its pusher wrote.
#include "runq_kernel.hpp"

using namespace model;

namespace {

/// The owner pushes and pops while a thief steals; small enough for a full search.
struct one_thief : rl::test_suite<one_thief, 2> {
  account<3> a;
  ring q{near_wrap}, own{near_wrap - 1};

  void before() { a.push(q, a.make()); }
  void thread(unsigned t) {
    if (t == 0) {
      a.push(q, a.make());
      if (item* it = q.pop()) a.take(it);
    } else {
      a.steal(own, q);
    }
  }
  void after() {
    a.take_all(q);
    a.take_all(own);
    a.all_taken();
  }
};

/// Three rounds of it, with a thief that drains what it took.
struct rounds : rl::test_suite<rounds, 2> {
  account<6> a;
  ring q{near_wrap}, own{near_wrap - 1};

  void before() {
    a.push(q, a.make());
    a.push(q, a.make());
  }
  void thread(unsigned t) {
    if (t == 0) {
      for (int i = 0; i < 2; ++i) {
        a.push(q, a.make());
        a.push(q, a.make());
        if (item* it = q.pop()) a.take(it);
        if (item* it = q.pop()) a.take(it);
      }
    } else {
      for (int i = 0; i < 3; ++i) {
        a.steal(own, q);
        a.take_all(own);
      }
    }
  }
  void after() {
    a.take_all(q);
    a.take_all(own);
    a.all_taken();
  }
};

/// Two thieves at one victim whose owner works too.
struct two_thieves : rl::test_suite<two_thieves, 3> {
  account<5> a;
  ring q{near_wrap}, own[2];

  void before() {
    for (int i = 0; i < 3; ++i) a.push(q, a.make());
  }
  void thread(unsigned t) {
    if (t == 0) {
      a.push(q, a.make());
      if (item* it = q.pop()) a.take(it);
      a.push(q, a.make());
    } else {
      a.steal(own[t - 1], q);
      a.take_all(own[t - 1]);
    }
  }
  void after() {
    a.take_all(q);
    a.take_all(own[0]);
    a.take_all(own[1]);
    a.all_taken();
  }
};

}  // namespace

int main(int argc, char** argv) {
  return run(argc, argv,
             {
                 MODEL_SUITE(one_thief, full()),
                 MODEL_SUITE(rounds, bound(2)),
                 MODEL_SUITE(rounds, random(50'000)),
                 MODEL_SUITE(two_thieves, bound(3)),
                 MODEL_SUITE(two_thieves, random(50'000)),
             });
}
