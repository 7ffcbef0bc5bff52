// SPDX-License-Identifier: Apache-2.0
// A steal into a ring that is being stolen from (tokio's chained steal): the thief's ring is published by the same
// tail as its owner's pushes are.
#include "runq_kernel.hpp"

using namespace model;

namespace {

/// A steals from V while B steals from A: the ring that a steal fills is stolen from.
struct chained : rl::test_suite<chained, 3> {
  account<6> a;
  ring v{near_wrap}, ra{near_wrap - 1}, rb{near_wrap};

  void before() {
    for (int i = 0; i < 4; ++i) a.push(v, a.make());
    a.push(ra, a.make());
  }
  void thread(unsigned t) {
    if (t == 0) {
      if (item* it = v.pop()) a.take(it);
      a.push(v, a.make());
    } else if (t == 1) {
      a.take_all(ra);  // a thief's own ring is empty: the last pop says so
      a.steal(ra, v);
      a.take_all(ra);
    } else {
      a.steal(rb, ra);
    }
  }
  void after() {
    a.take_all(v);
    a.take_all(ra);
    a.take_all(rb);
    a.all_taken();
  }
};

}  // namespace

int main(int argc, char** argv) {
  return run(argc, argv, {MODEL_SUITE(chained, random(50'000)), MODEL_SUITE(chained, bound(3))});
}
