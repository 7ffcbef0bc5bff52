// SPDX-License-Identifier: Apache-2.0
// The idle protocol of runtime/sched/idle.hpp, with real sleeps: submitters (S1-S4) and Ms that idle (I1-I5),
// search, and are woken. The words are the shipping headers'; what is written here is the order of the steps,
// which the scheduler must keep.
//
// An item is a fiber that waits, holding its M and its P, until all items have started. So a suite ends only
// if as many Ms woke as there are items: a lost wake-up is a deadlock. And each P has a plain variable that
// its holder writes: a P with two holders, or one handed over without an edge, is a data race.
#include "runq_kernel.hpp"

#include "runtime/sched/idle.hpp"

using namespace model;

namespace {

struct semaphore {
  rl::rl_sem_t s;
  void init() { s.init(/*spurious wake-ups*/ false, 0, 99, MODEL_HERE); }
  void destroy() { rl::rl_sem_destroy(&s, MODEL_HERE); }
  void post() { rl::rl_sem_post(&s, MODEL_HERE); }
  void wait() { rl::rl_sem_wait(&s, MODEL_HERE); }
};

constexpr unsigned no_proc = 99;

template <unsigned Procs, int Items>
struct sched {
  static constexpr std::uint64_t one_idle = 1;
  static constexpr std::uint64_t one_searcher = std::uint64_t{1} << 16;

  explicit sched(std::uint64_t word) : idle(word) {}

  rt::idle_state idle;
  rt::idle_mask<1> mask;
  rt::idle_mask<1> handed;  // Ps on their way to an M that is being woken
  ring q[Procs];
  rl::var<int> held[Procs];
  rt::atomic<std::uint32_t> global_size{0};
  rt::atomic<item*> global_slot{nullptr};
  semaphore sleep, started;
  account<Items> a;
  int ran = 0;
  int sleepers = 0;  // the harness's own

  void init(int ms) {
    sleep.init();
    started.init();
    sleepers = ms;
    for (auto& h : held) h(MODEL_HERE) = 0;
  }
  void destroy() {
    sleep.destroy();
    started.destroy();
  }
  bool over() const { return ran == Items; }

  // --- submitters

  void wake_one(unsigned preferred) {
    if (!idle.wake_wanted()) return;     // S2, S3
    if (!idle.claim_for_wake()) return;  // S4
    hand_over(mask.take(preferred));
  }
  void hand_over(unsigned p) {
    hold(p);
    handed.set(p);
    sleep.post();
  }
  void submit(unsigned p, item* it) {
    a.push(q[p], it);  // S1
    wake_one(p);
  }
  void submit_next(unsigned p, item* it) {
    MODEL_CHECK(q[p].push_next(it) == nullptr);  // S1
    wake_one(p);
  }
  void submit_global(item* it) {
    global_slot.store(it, rt::release);
    global_size.fetch_add(1, rt::seq_cst);  // S1
    wake_one(0);
  }

  // --- Ms

  void hold(unsigned p) { held[p](MODEL_HERE) = 1; }

  /// Runs `it`; back when all items have started.
  void run(item* it) {
    a.take(it);
    if (++ran == Items) {
      for (int i = 1; i < Items; ++i) started.post();
      for (int i = 0; i < sleepers; ++i) sleep.post();
    } else {
      started.wait();
    }
  }
  item* from_global() {
    // No suite has more than one item in it. (The shipping queue has a lock where this has a CAS.)
    std::uint32_t one = 1;
    if (global_size.load(rt::acquire) == 0) return nullptr;
    if (!global_size.compare_exchange_strong(one, 0, rt::seq_cst, rt::relaxed)) return nullptr;
    return global_slot.load(rt::acquire);
  }
  item* own(unsigned p) {
    hold(p);
    if (item* it = q[p].pop_next()) return it;
    if (item* it = q[p].pop()) return it;
    return from_global();
  }
  item* search(unsigned p) {
    hold(p);
    for (unsigned v = 0; v < Procs; ++v) {
      if (v == p) continue;
      std::uint32_t moved = 0;
      if (item* it = q[p].steal_from(q[v], moved)) return it;
      if (item* it = q[v].steal_next()) return it;
    }
    return from_global();
  }
  bool work_seen() const {
    if (global_size.load(rt::seq_cst) != 0) return true;
    for (const ring& r : q) {
      if (!r.empty()) return true;
    }
    return false;
  }

  /// An M from the point where it has P p (or none) until it has run an item or all have started.
  /// `searching`: it is counted as a searcher. `looked`: it has found nothing and is at I1.
  void m(unsigned p, bool searching, bool looked) {
    if (p == no_proc) {
      if (!wait_for_proc(p)) return;
      searching = true;
      looked = false;
    }
    for (;; looked = false) {
      if (!looked) {
        item* it = searching ? nullptr : own(p);
        if (it == nullptr && !searching) searching = idle.begin_search(Procs);
        if (it == nullptr && searching) {
          it = search(p);
          if (it != nullptr) {
            searching = false;
            if (idle.end_search() && work_seen()) wake_one(p);
          }
        }
        if (it != nullptr) {
          run(it);
          return;
        }
      }
      hold(p);
      mask.set(p);                   // I1
      if (!idle.enter(searching)) {  // I2
        p = mask.take(p);
        searching = true;
        continue;
      }
      if (work_seen()) {                    // I3
        if (idle.claim_or_need_search()) {  // I4
          p = mask.take(p);
          searching = true;
          continue;
        }
      }
      if (!wait_for_proc(p)) return;  // I5
      searching = true;
    }
  }
  bool wait_for_proc(unsigned& p) {
    sleep.wait();
    if (over()) return false;
    p = handed.take(0);
    return true;
  }
};

/// One submitter with a P, one M at I1 with the other P. The submitter then runs on: only M 1 can run the item.
struct push : rl::test_suite<push, 2> {
  sched<2, 1> s{sched<2, 1>::one_searcher};
  void before() { s.init(1); }
  void thread(unsigned t) {
    if (t == 0) {
      s.submit(0, s.a.make());
    } else {
      s.m(1, true, true);
    }
  }
  void after() { s.destroy(); }
};

/// The same by `next`.
struct next : rl::test_suite<next, 2> {
  sched<2, 1> s{sched<2, 1>::one_searcher};
  void before() { s.init(1); }
  void thread(unsigned t) {
    if (t == 0) {
      s.submit_next(0, s.a.make());
    } else {
      s.m(1, true, true);
    }
  }
  void after() { s.destroy(); }
};

/// A submitter without P.
struct external : rl::test_suite<external, 2> {
  sched<1, 1> s{0};
  void before() { s.init(1); }
  void thread(unsigned t) {
    if (t == 0) {
      s.submit_global(s.a.make());
    } else {
      s.m(0, false, true);
    }
  }
  void after() { s.destroy(); }
};

/// One item is there, one comes while M 1 searches and M 2 is about to idle or asleep: both must run.
struct successor : rl::test_suite<successor, 3> {
  sched<3, 2> s{sched<3, 2>::one_searcher + sched<3, 2>::one_idle};
  void before() {
    s.init(2);
    s.mask.set(2);
    s.a.push(s.q[0], s.a.make());
  }
  void thread(unsigned t) {
    if (t == 0) {
      s.submit(0, s.a.make());
    } else if (t == 1) {
      s.m(1, true, false);
    } else {
      s.m(no_proc, false, false);
    }
  }
  void after() { s.destroy(); }
};

/// Two items, two idlers that go down at the same time.
struct two_idlers : rl::test_suite<two_idlers, 3> {
  sched<3, 2> s{sched<3, 2>::one_searcher};
  void before() { s.init(2); }
  void thread(unsigned t) {
    if (t == 0) {
      s.submit(0, s.a.make());
      s.submit(0, s.a.make());
    } else {
      s.m(t, t == 1, true);
    }
  }
  void after() { s.destroy(); }
};

/// Two submitters, one with P and one without; one M asleep, one going down.
struct two_submitters : rl::test_suite<two_submitters, 4> {
  sched<3, 2> s{sched<3, 2>::one_idle};
  void before() {
    s.init(2);
    s.mask.set(2);
  }
  void thread(unsigned t) {
    if (t == 0) {
      s.submit(0, s.a.make());
    } else if (t == 1) {
      s.submit_global(s.a.make());
    } else {
      s.m(t == 2 ? 1 : no_proc, false, t == 2);
    }
  }
  void after() { s.destroy(); }
};

/// M 2 comes back from a blocking call while M 1 idles: it may take the very P that M 1 gave up, look (before
/// the item is there) and give it up again.
struct comes_back : rl::test_suite<comes_back, 3> {
  sched<2, 1> s{sched<2, 1>::one_searcher};
  void before() { s.init(2); }
  void thread(unsigned t) {
    if (t == 0) {
      s.submit(0, s.a.make());
    } else if (t == 1) {
      s.m(1, true, true);
    } else if (s.idle.claim(false)) {
      s.m(s.mask.take(1), false, false);
    } else {
      s.m(no_proc, false, false);
    }
  }
  void after() { s.destroy(); }
};

/// What need_search promises: if an M saw work and was refused a P, the next M at I2 does not idle.
struct refused : rl::test_suite<refused, 2> {
  rt::idle_state idle{1};
  rt::idle_mask<1> mask;
  bool was_refused = false, idled = false;
  void before() { mask.set(0); }
  void thread(unsigned t) {
    if (t == 0) {
      was_refused = !idle.claim_or_need_search();
    } else if (idle.claim(false)) {
      const unsigned p = mask.take(0);
      mask.set(p);
      idled = idle.enter(false);
    }
  }
  void after() { MODEL_CHECK(!(was_refused && idled)); }
};

}  // namespace

int main(int argc, char** argv) {
  return run(argc, argv,
             {
                 MODEL_SUITE(refused, full()),
                 MODEL_SUITE(external, full()),
                 // What finds most first.
                 MODEL_SUITE(comes_back, random(50'000)),
                 MODEL_SUITE(two_idlers, random(50'000)),
                 MODEL_SUITE(two_submitters, random(50'000)),
                 MODEL_SUITE(successor, random(50'000)),
                 MODEL_SUITE(push, bound(6)),
                 MODEL_SUITE(next, bound(6)),
                 MODEL_SUITE(comes_back, bound(3)),
                 MODEL_SUITE(successor, bound(3)),
                 MODEL_SUITE(two_idlers, bound(2)),
                 MODEL_SUITE(two_submitters, bound(2)),
             });
}
