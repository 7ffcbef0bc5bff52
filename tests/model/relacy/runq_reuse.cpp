// SPDX-License-Identifier: Apache-2.0
// A slot is written again only after whoever took its item has read it: the release half of the thief's CAS
// and the owner's acquire load of head. See slot_reads in backend.hpp for how that is seen.
#define MODEL_SLOT_READS 2
#include "runq_kernel.hpp"

using namespace model;

namespace {

struct reuse : rl::test_suite<reuse, 2> {
  // The first member: the rings' constructors store to the slots.
  struct forget {
    forget() { slots.clear(); }
  } forget_last_iteration;
  account<6> a;
  ring q{near_wrap}, own;

  void before() {
    for (int i = 0; i < 4; ++i) a.push(q, a.make());
    slots.clear();
  }
  void thread(unsigned t) {
    if (t == 0) {
      a.push(q, a.make());
      a.push(q, a.make());
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

}  // namespace

int main(int argc, char** argv) {
  return run(argc, argv, {MODEL_SUITE(reuse, full()), MODEL_SUITE(reuse, random(50'000))});
}
