// SPDX-License-Identifier: Apache-2.0
// Blocking calls: the fiber goes on, on its thread, while its P goes to somebody else.
//
// Before the call, hand_off() gives P to another M if P has work, or if nobody watches the poller; else P
// becomes idle, with the re-check of idle.hpp, done here on behalf of the M that will not sleep but block.
// After the call, the fiber takes any idle P, its old one for choice; if there is none it goes to the global
// queue, and its thread sleeps.
//
// A call to weft inside blocking() works without P: what it makes runnable goes to the global queue, and if it
// parks, the fiber comes back on an M that has a P and keeps it for the rest of the section.
#include <weft/blocking.hpp>

#include "runtime/sched/entry.hpp"

namespace weft::inline v0::rt {

void scheduler::lend(M& m, G& g) noexcept {
  P& p = *m.p;
  g.lent = true;
  lent_.fetch_add(1, std::memory_order_relaxed);
  m.last_p = p.id;
  m.p = nullptr;
  m.deciding.store(true, std::memory_order_relaxed);
  const bool gone = hand_off(p);
  m.deciding.store(false, std::memory_order_relaxed);
  if (gone) return;
  // No thread could be had: the call blocks P, too. Slow, but nothing is lost.
  m.p = &p;
  g.lent = false;
  lent_.fetch_sub(1, std::memory_order_relaxed);
}

// False: P was not given away and is still the caller's.
bool scheduler::hand_off(P& p) noexcept {
  const auto due = [&] {
    const std::int64_t at = p.timers.earliest();
    return at != timer_heap::none && at <= clock::now().time_since_epoch().count();
  };
  if (!p.queue.empty() || !global_.empty() || in_poller_.load(std::memory_order_seq_cst) == nullptr || due()) {
    if (!give(p, false)) return false;
    counters_.handoffs.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  mask_.set(p.id);
  if (idle_.enter(false)) {
    // The M that was in the poller may have left it since, for a P that is held again: then this P is the one that a
    // successor needs.
    if (work_visible() || poller_unattended()) wake_one();
    return true;
  }
  // need_search: some M found work and no P for it. Now there is a P, counted as a searcher's.
  wake_with(*ps_[mask_.take(p.id)]);
  return true;
}

void scheduler::regain(M& m, G& g) noexcept {
  if (!g.lent) return;
  if (idle_.claim(false)) {
    g.lent = false;
    lent_.fetch_sub(1, std::memory_order_relaxed);
    take_p(m, false);
    return;
  }
  g.reason.store(detail::wait_reason::blocking_return, std::memory_order_relaxed);
  yield(m);
}

}  // namespace weft::inline v0::rt

namespace weft::inline v0::detail {

void enter_blocking() noexcept {
  rt::M* m = rt::current_m();
  if (m == nullptr || m->curg == nullptr) return;
  if (m->curg->blocking_depth++ == 0 && m->p != nullptr) m->sched->lend(*m, *m->curg);
}

void exit_blocking() noexcept {
  rt::M* m = rt::current_m();
  if (m == nullptr || m->curg == nullptr) return;
  if (--m->curg->blocking_depth == 0) m->sched->regain(*m, *m->curg);
}

}  // namespace weft::inline v0::detail
