// SPDX-License-Identifier: Apache-2.0
// The `next` slot: each item is taken once by owner or thief, and empty() does not overlook one that moves
// from `next` to the ring.
#include "runq_kernel.hpp"

using namespace model;

namespace {

struct next_slot : rl::test_suite<next_slot, 2> {
  account<3> a;
  ring q{near_wrap};

  void before() { MODEL_CHECK(q.push_next(a.make()) == nullptr); }
  void thread(unsigned t) {
    if (t == 0) {
      for (int i = 0; i < 2; ++i) {
        if (item* displaced = q.push_next(a.make())) a.push(q, displaced);
      }
      if (item* it = q.pop_next()) a.take(it);
    } else {
      for (int i = 0; i < 2; ++i) {
        if (item* it = q.steal_next()) a.take(it);
      }
    }
  }
  void after() {
    if (item* it = q.pop_next()) a.take(it);
    a.take_all(q);
    a.all_taken();
  }
};

struct next_two_thieves : rl::test_suite<next_two_thieves, 3> {
  account<2> a;
  ring q{near_wrap};

  void before() { q.push_next(a.make()); }
  void thread(unsigned t) {
    if (t == 0) {
      if (item* it = q.pop_next()) a.take(it);
      q.push_next(a.make());
    } else {
      if (item* it = q.steal_next()) a.take(it);
    }
  }
  void after() {
    if (item* it = q.pop_next()) a.take(it);
    a.all_taken();
  }
};

/// At every instant `next` or the ring holds something.
struct never_empty : rl::test_suite<never_empty, 2> {
  account<3> a;
  ring q{near_wrap};

  void before() { q.push_next(a.make()); }
  void thread(unsigned t) {
    if (t == 0) {
      a.push(q, q.push_next(a.make()));
      a.take(q.pop_next());
      q.push_next(a.make());
      a.take(q.pop());
    } else {
      MODEL_CHECK(!q.empty() && "an item was overlooked");
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  return run(argc, argv,
             {
                 MODEL_SUITE(next_slot, full()),
                 MODEL_SUITE(next_two_thieves, full()),
                 MODEL_SUITE(never_empty, full()),
                 MODEL_SUITE(never_empty, random(50'000)),
             });
}
