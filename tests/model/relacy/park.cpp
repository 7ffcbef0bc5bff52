// SPDX-License-Identifier: Apache-2.0
// The park permit of runtime/sched/permit.hpp under the ticket of include/weft/detail/wait.hpp: over several
// waits, two sources (what is waited for, and a timer or cancellation) compete for each claim. The fiber runs
// on one M at a time, is queued once a wait, sees what its waker wrote, and no claim of an older wait wins.
//
// The ticket's word is that of wait.hpp (which uses std::atomic directly, being a public header): seq << 8 |
// state, one CAS by each source with the value it was given when the wait opened.
#include "kernel.hpp"

#include "runtime/sched/permit.hpp"

using namespace model;

namespace {

namespace rt = weft::rt;
using permit = rt::park_permit<rt::atomic<std::uint32_t>>;

constexpr std::uint64_t open_bit = 1;
constexpr std::uint64_t claimed_bit = 16;

struct fiber {
  rt::atomic<std::uint64_t> word{0};
  rt::atomic<std::uint32_t> parked{0};
  // What only the M that runs the fiber touches: its registers, its frames. Two Ms at once are a data race,
  // and so is one that resumes what another has not finished saving.
  rl::var<int> stack;
  rl::var<int> result;  // written by who claimed, read by the fiber

  // A run queue that holds this fiber only: relacy's semaphore has the edges of a queue.
  rl::rl_sem_t queue;
  int queued = 0;

  void init() {
    queue.init(false, 0, 99, MODEL_HERE);
    stack(MODEL_HERE) = 0;
    result(MODEL_HERE) = 0;
  }
  void destroy() { rl::rl_sem_destroy(&queue, MODEL_HERE); }
  void enqueue() {
    MODEL_CHECK(++queued == 1 && "queued twice");
    rl::rl_sem_post(&queue, MODEL_HERE);
  }
  void dequeue() {
    rl::rl_sem_wait(&queue, MODEL_HERE);
    --queued;
  }

  std::uint64_t open(int wait) {
    const std::uint64_t o = (static_cast<std::uint64_t>(wait) + 1) << 8 | open_bit;
    word.store(o, rt::release);
    return o;
  }
  bool claim(std::uint64_t open) {
    std::uint64_t expected = open;
    return word.compare_exchange_strong(expected, (open & ~std::uint64_t{0xff}) | claimed_bit, rt::seq_cst,
                                        rt::relaxed);
  }
  void wake(int with) {
    result(MODEL_HERE) = with;
    if (permit::notify(parked)) enqueue();
  }
};

/// The first threads are Ms, which take the fiber from the queue and run it from one park to the next. The others
/// are sources; each holds the ticket of each wait, and comes when it likes: before the fiber has parked, after,
/// or a wait too late.
template <int Ms, int Sources, int Waits>
struct waits : rl::test_suite<waits<Ms, Sources, Waits>, Ms + Sources> {
  fiber f;
  rt::atomic<std::uint64_t> token[Waits];
  // The harness's own:
  int claims[Waits] = {};
  int wait = -1;
  bool finished = false;

  void before() {
    f.init();
    f.enqueue();
    for (auto& t : token) t.store(0, rt::relaxed);
  }
  void thread(unsigned t) { t < Ms ? machine() : source(); }

  void machine() {
    for (;;) {
      f.dequeue();
      if (finished) return;
      f.stack(MODEL_HERE) = 1;  // resumed
      if (wait >= 0) returned();
      for (;;) {
        if (++wait == Waits) {
          finished = true;
          for (int i = 1; i < Ms; ++i) rl::rl_sem_post(&f.queue, MODEL_HERE);
          return;
        }
        token[wait].store(f.open(wait), rt::release);
        if (!permit::consume(f.parked)) break;  // F1
        returned();
      }
      f.stack(MODEL_HERE) = 2;                          // F2: saved
      if (!permit::commit_park(f.parked)) f.enqueue();  // F3
    }
  }
  void returned() {
    MODEL_CHECK(claims[wait] == 1 && "back without a wake");
    MODEL_CHECK(f.result(MODEL_HERE) == 10 + wait && "another wait's result");
  }
  void source() {
    for (int w = 0; w < Waits; ++w) {
      std::uint64_t open;
      while ((open = token[w].load(rt::acquire)) == 0) rl::yield(1, MODEL_HERE);
      if (f.claim(open)) {
        MODEL_CHECK(wait == w && "a stale claim won");
        MODEL_CHECK(++claims[w] == 1 && "a wait was claimed twice");
        f.wake(10 + w);
      }
    }
  }
  void after() {
    MODEL_CHECK(wait == Waits);
    f.destroy();
  }
};

using one_wait = waits<1, 1, 1>;
using two_waits = waits<1, 1, 2>;
using two_sources = waits<1, 2, 2>;
using two_machines = waits<2, 1, 2>;
using all = waits<2, 2, 3>;

}  // namespace

int main(int argc, char** argv) {
  return run(argc, argv,
             {
                 MODEL_SUITE(one_wait, full()),
                 MODEL_SUITE(all, random(50'000)),
                 MODEL_SUITE(two_waits, bound(5)),
                 MODEL_SUITE(two_sources, bound(3)),
                 MODEL_SUITE(two_machines, bound(3)),
             });
}
