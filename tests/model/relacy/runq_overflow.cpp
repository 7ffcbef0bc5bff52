// SPDX-License-Identifier: Apache-2.0
// A push into a full ring while it is stolen from: popped, stolen and overflowed are all there is, each once,
// and an overflow takes the oldest items, in their order.
#include "runq_kernel.hpp"

using namespace model;

namespace {

template <int Steals>
struct overflow : rl::test_suite<overflow<Steals>, 2> {
  account<6> a;
  ring q{near_wrap}, own;

  void before() {
    for (int i = 0; i < 4; ++i) a.push(q, a.make());
  }
  void thread(unsigned t) {
    if (t == 0) {
      item* batch[ring::overflow_batch] = {};
      item* it = a.make();
      const std::uint32_t n = q.push(it, batch);
      int last = -1;
      if (n != 0) {
        MODEL_CHECK(n == ring::overflow_batch);
        MODEL_CHECK(batch[n - 1] == it);
        for (std::uint32_t i = 0; i < n; ++i) {
          a.take(batch[i]);
          MODEL_CHECK(batch[i]->seq > last && "an overflow is out of order");
          last = batch[i]->seq;
        }
        last = batch[n - 2]->seq;
      }
      while (item* p = q.pop()) {
        a.take(p);
        MODEL_CHECK(p->seq > last && "an overflow took younger items than it left");
        last = p->seq;
      }
    } else {
      for (int i = 0; i < Steals; ++i) {
        a.steal(own, q);
        if (Steals > 1) a.take_all(own);
      }
    }
  }
  void after() {
    a.take_all(q);
    a.take_all(own);
    a.all_taken();
  }
};

/// The last step of the owner's drain left out: a tree small enough to search all of it.
struct overflow_once : rl::test_suite<overflow_once, 2> {
  account<5> a;
  ring q{near_wrap}, own;

  void before() {
    for (int i = 0; i < 4; ++i) a.push(q, a.make());
  }
  void thread(unsigned t) {
    if (t == 0) {
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

using overflow_1 = overflow<1>;
using overflow_2 = overflow<2>;

}  // namespace

int main(int argc, char** argv) {
  return run(argc, argv,
             {
                 MODEL_SUITE(overflow_once, full()),
                 MODEL_SUITE(overflow_1, bound(3)),
                 MODEL_SUITE(overflow_2, bound(3)),
                 MODEL_SUITE(overflow_2, random(100'000)),
             });
}
