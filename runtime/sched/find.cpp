// SPDX-License-Identifier: Apache-2.0
// What an M with a P does for its next fiber, on g0. The order is Go's findRunnable:
//
//   1. due timers of the own P
//   2. at a visit (every 61st schedule, or 200 us): one fiber of the global queue, and a look at the poller
//   3. `next`, then the own ring
//   4. a batch of the global queue
//   5. the poller, without waiting
//   6. stealing from other Ps, in four rounds of random order; the last also takes their due timers and `next`
//   7. going idle (sleep.cpp)
#include <algorithm>

#include "runtime/sched/collector.hpp"
#include "runtime/sched/scheduler.hpp"

namespace weft::inline v0::rt {

namespace {

using namespace std::chrono_literals;

constexpr auto visit_target = 200us;
constexpr auto slice = 10ms;
constexpr int steal_rounds = 4;

std::uint32_t next_random(M& m) noexcept {
  // splitmix64; statistical quality is plenty for choosing victims.
  std::uint64_t z = (m.random += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  return static_cast<std::uint32_t>(z >> 32);
}

void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

G* scheduler::found(M& m, G* g) noexcept {
  if (m.p->budget > 0) --m.p->budget;
  if (m.searching) end_search(m);
  return g;
}

void scheduler::end_search(M& m) noexcept {
  m.searching = false;
  // The last searcher owes a look: a submitter may have relied on it (idle.hpp). And it may be the M that was woken
  // out of the poller: if that has something left to wait for and there is an idle P, a successor goes to sleep
  // there, or the next event and the next timer would have to wait until this M's fiber lets go of it.
  if (idle_.end_search() && (work_visible() || poller_unattended())) wake_one();
}

G* scheduler::next_local(P& p) noexcept {
  G* g = p.queue.pop_next();
  if (g != nullptr) {
    ++p.streak;
  } else if ((g = p.queue.pop()) != nullptr) {
    p.streak = 0;
    // Resuming touches a cold G and its frames; the one after the next is fetched meanwhile.
    if (G* ahead = p.queue.peek(1); ahead != nullptr) __builtin_prefetch(ahead);
  }
  if (g != nullptr) P::bump(p.schedules);
  return g;
}

// Whenever the budget is used up: adapts it, so that visits are at most 61 schedules and about 200 us apart,
// and ends an inherited slice.
void scheduler::visit(P& p, clock::time_point now) noexcept {
  const auto gap = now - p.last_visit;
  if (gap > visit_target) {
    p.visit_interval = std::max(std::uint32_t{1}, p.visit_interval / 2);
  } else if (gap < visit_target / 2) {
    p.visit_interval = std::min(P::max_budget, p.visit_interval * 2);
  }
  p.last_visit = now;
  p.budget = p.visit_interval;
  // Fibers that hand each other the `next` slot run as one; after a slice the ring has its turn.
  if (p.streak == 0) {
    p.streak_since = now;
  } else if (now - p.streak_since > slice) {
    if (G* g = p.queue.pop_next()) push_tail(p, *g);
    p.streak = 0;
    p.streak_since = now;
  }
}

G* scheduler::take_global(P& p) noexcept {
  // A fair share, at most half a ring.
  const std::size_t share = global_.size() / ps_.size() + 1;
  G* batch[runq<G>::capacity / 2];
  const std::size_t n = global_.pop(batch, std::min(share, std::size(batch)));
  for (std::size_t i = 1; i < n; ++i) push_tail(p, *batch[i]);
  if (n > 1) wake_if_wanted();
  return n > 0 ? batch[0] : nullptr;
}

G* scheduler::find_runnable(M& m) noexcept {
  for (;;) {
    if (stopping_.load(std::memory_order_seq_cst)) return nullptr;
    if (m.p == nullptr) {
      enlist(m);
      sleep(m);
      continue;
    }
    P& p = *m.p;
    const bool visiting = p.budget <= 1;
    if (visiting || p.timers.earliest() != timer_heap::none) {
      const auto now = clock::now();
      run_timers(m, p.timers, now);
      if (visiting) {
        visit(p, now);
        G* g = nullptr;
        if (global_.pop(&g, 1) != 0) {
          P::bump(p.schedules);
          return found(m, g);
        }
        poll_now(&m);
      }
    }
    if (G* g = next_local(p)) return found(m, g);
    if (G* g = take_global(p)) {
      P::bump(p.schedules);
      return found(m, g);
    }
    if (poll_now(&m)) continue;
    if (G* g = search(m)) {
      P::bump(p.schedules);
      return found(m, g);
    }
    if (!p.queue.empty()) continue;  // stolen timers made work here
    go_idle(m);
  }
}

G* scheduler::search(M& m) noexcept {
  const std::uint32_t n = procs();
  if (n == 1) return nullptr;
  if (!m.searching) {
    if (!idle_.begin_search(n)) return nullptr;
    m.searching = true;
  }
  for (int round = 0; round < steal_rounds; ++round) {
    const std::uint32_t start = next_random(m) % n;
    for (std::uint32_t i = 0; i < n; ++i) {
      P& victim = *ps_[(start + i) % n];
      if (&victim == m.p) continue;
      const bool last = round == steal_rounds - 1;
      if (last && victim.timers.earliest() != timer_heap::none) {
        run_timers(m, victim.timers, clock::now());
        if (!m.p->queue.empty()) return nullptr;
      }
      if (G* g = steal(*m.p, victim, last)) return g;
    }
  }
  return nullptr;
}

G* scheduler::steal(P& thief, P& victim, bool last_round) noexcept {
  std::uint32_t moved = 0;
  G* g = thief.queue.steal_from(victim.queue, moved);
  if (g == nullptr && last_round && victim.queue.has_next()) {
    // The victim is likely to be about to run it: a pair that hands `next` to and fro should not be torn
    // apart for the price of two cold caches. A channel operation takes some 50 ns.
    for (int i = 0; i < 64; ++i) pause();
    if ((g = victim.queue.steal_next()) != nullptr) moved = 1;
  }
  if (g != nullptr) {
    P::bump(thief.steals);
    P::bump(thief.stolen, moved);
  }
  return g;
}

void scheduler::run_timers(M& m, timer_heap& heap, clock::time_point now) noexcept {
  timer_heap::due due[16];
  std::size_t n;
  do {
    n = heap.take_due(now, due, std::size(due));
    collector ready;
    for (std::size_t i = 0; i < n; ++i) {
      if (due[i].ready != nullptr) {
        ready.add(due[i].ready);
      } else {
        due[i].callback->fire(*due[i].callback, due[i].seq);
      }
    }
    inject(&m, ready);
  } while (n == std::size(due));
}

void scheduler::inject(M* m, collector& c) noexcept {
  if (c.first == nullptr) return;
  if (m != nullptr && m->p != nullptr) {
    while (G* g = c.pop()) {
      g->status.store(g_status::runnable, std::memory_order_relaxed);
      push_tail(*m->p, *g);
    }
  } else {
    while (G* g = c.pop()) {
      g->status.store(g_status::runnable, std::memory_order_relaxed);
      global_.push(&g, 1);
    }
  }
  wake_if_wanted();
}

bool scheduler::poll_now(M* m) noexcept {
  // If an M sleeps in the poller, events are its.
  if (net_->waiters() == 0 || in_poller_.load(std::memory_order_relaxed) != nullptr) return false;
  if (polling_.exchange(true, std::memory_order_acquire)) return false;
  collector ready;
  const int events = net_->poll(clock::time_point::min(), ready);
  last_poll_.store(clock::now().time_since_epoch().count(), std::memory_order_relaxed);
  polling_.store(false, std::memory_order_release);
  if (events > 0) counters_.netpolls.fetch_add(1, std::memory_order_relaxed);
  const bool any = ready.first != nullptr;
  inject(m, ready);
  return any;
}

}  // namespace weft::inline v0::rt
