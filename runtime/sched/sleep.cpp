// SPDX-License-Identifier: Apache-2.0
// Going idle and waking up: the protocol of idle.hpp with real threads.
//
// An M that sleeps has no P. It is in the idle list and waits on its own futex, or it is the one that waits
// in the poller, on everybody's behalf, until the earliest timer of all Ps. A waker gives it a P (`handed_p`)
// under sleepers_lock_ before it wakes it. Sleepers on futexes are preferred; the one in the poller is broken
// out only if there is no other; if there is none at all, a thread is made.
//
// Timers (tokio #6683): the M in the poller first publishes poll_until_ = "for ever" (seq_cst RMW), then reads
// each heap's earliest (seq_cst), then lowers poll_until_. Who arms a timer publishes the heap's earliest
// (seq_cst RMW), then reads poll_until_ and breaks the poll if it is later. One of the two sees the other.
#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "runtime/fiber/overflow.hpp"
#include "runtime/os/fatal.hpp"
#include "runtime/os/futex.hpp"
#include "runtime/os/thread.hpp"
#include "runtime/sched/collector.hpp"
#include "runtime/sched/entry.hpp"

namespace weft::inline v0::rt {

bool scheduler::work_visible() const noexcept {
  if (!global_.empty()) return true;
  return std::any_of(ps_.begin(), ps_.end(), [](const auto& p) { return !p->queue.empty(); });
}

std::int64_t scheduler::earliest_timer() const noexcept {
  std::int64_t at = timer_heap::none;
  for (const auto& p : ps_) at = std::min(at, p->timers.earliest());
  return at;
}

bool scheduler::poller_unattended() const noexcept {
  return in_poller_.load(std::memory_order_seq_cst) == nullptr &&
         (net_->waiters() > 0 || earliest_timer() != timer_heap::none);
}

void scheduler::take_p(M& m, bool searching) noexcept {
  m.p = ps_[mask_.take(m.last_p)].get();
  m.searching = searching;
  leaving_idleness();
}

// I1 to I5 of idle.hpp. `m` has a P, and returns with one, unless the run stops.
void scheduler::go_idle(M& m) noexcept {
  const bool searching = m.searching;
  m.searching = false;
  m.last_p = m.p->id;
  mask_.set(m.p->id);
  m.p = nullptr;
  if (!idle_.enter(searching)) {
    take_p(m, true);
    return;
  }
  enlist(m);
  // If delist() fails, somebody is handing us a P already: sleep() takes it.
  if (work_visible() && delist(m)) {
    if (idle_.claim_or_need_search()) {
      take_p(m, true);
      return;
    }
    enlist(m);
  }
  sleep(m);
}

// `m` is enlisted or has been handed a P. Returns when it has a P or the run stops.
void scheduler::sleep(M& m) noexcept {
  bool may_poll = true;
  for (;;) {
    bool poll = false;
    {
      std::lock_guard hold(sleepers_lock_);
      if (accept_handed(m)) return;
      if (stopping_.load(std::memory_order_seq_cst)) {
        if (m.in_idle_list) unlink(m);
        return;
      }
      if (may_poll && in_poller_.load(std::memory_order_relaxed) == nullptr) {
        unlink(m);
        in_poller_.store(&m, std::memory_order_relaxed);
        ++sleeping_;  // unlink counted it out
        poll = true;
      }
    }
    if (poll) {
      if (sleep_in_poller(m)) return;
      // It polled, found fibers and no P for them: those that have Ps poll for themselves now. Or it was a
      // false alarm: again.
      may_poll = !m.poll_in_vain;
      enlist(m);
    } else {
      suspect_deadlock();
      m.deciding.store(false, std::memory_order_relaxed);
      os::futex_wait(m.wake, 0);
      m.deciding.store(true, std::memory_order_relaxed);
    }
  }
}

// An M goes to sleep: perhaps nothing will ever happen again. deadlock.cpp finds out.
void scheduler::suspect_deadlock() noexcept {
  if (idle_.load().idle != ps_.size() || net_->waiters() != 0 || earliest_timer() != timer_heap::none) return;
  if (!maybe_deadlocked_.exchange(true, std::memory_order_relaxed)) wake_monitor();
}

// Under sleepers_lock_.
bool scheduler::accept_handed(M& m) noexcept {
  if (m.handed_p == nullptr) return false;
  m.p = std::exchange(m.handed_p, nullptr);
  m.searching = m.handed_search;
  m.wake.store(0, std::memory_order_relaxed);
  return true;
}

// True: `m` has a P.
bool scheduler::sleep_in_poller(M& m) noexcept {
  poll_until_.exchange(timer_heap::none, std::memory_order_seq_cst);
  const std::int64_t until = earliest_timer();
  poll_until_.exchange(until, std::memory_order_seq_cst);

  suspect_deadlock();
  collector ready;
  const auto deadline =
      until == timer_heap::none ? clock::time_point::max() : clock::time_point(clock::duration(until));
  m.deciding.store(false, std::memory_order_relaxed);
  const int events = net_->poll(deadline, ready);
  m.deciding.store(true, std::memory_order_relaxed);
  const auto now = clock::now();
  last_poll_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  if (events > 0) counters_.netpolls.fetch_add(1, std::memory_order_relaxed);

  bool handed;
  {
    std::lock_guard hold(sleepers_lock_);
    in_poller_.store(nullptr, std::memory_order_relaxed);
    poll_until_.store(nobody_polls, std::memory_order_seq_cst);
    --sleeping_;
    handed = accept_handed(m);
  }
  m.poll_in_vain = false;
  if (!handed) {
    const bool due = earliest_timer() <= now.time_since_epoch().count();
    if (ready.first == nullptr && !due) return false;
    if (!idle_.claim(true)) {
      // Every P is held. Its holder runs its timers; the fibers go where all look.
      m.poll_in_vain = true;
      inject(nullptr, ready);
      return false;
    }
    take_p(m, true);
  }
  inject(&m, ready);
  return true;
}

void scheduler::enlist(M& m) noexcept {
  std::lock_guard hold(sleepers_lock_);
  m.idle_prev = nullptr;
  m.idle_next = idle_list_;
  if (idle_list_ != nullptr) idle_list_->idle_prev = &m;
  idle_list_ = &m;
  m.in_idle_list = true;
  ++sleeping_;
}

// Under sleepers_lock_.
void scheduler::unlink(M& m) noexcept {
  (m.idle_prev != nullptr ? m.idle_prev->idle_next : idle_list_) = m.idle_next;
  if (m.idle_next != nullptr) m.idle_next->idle_prev = m.idle_prev;
  m.in_idle_list = false;
  --sleeping_;
}

bool scheduler::delist(M& m) noexcept {
  std::lock_guard hold(sleepers_lock_);
  if (!m.in_idle_list) return false;
  unlink(m);
  return true;
}

void scheduler::wake_if_wanted() noexcept {
  if (idle_.wake_wanted()) wake_one();
}

// S4 of idle.hpp.
void scheduler::wake_one() noexcept {
  if (idle_.claim_for_wake()) wake_with(*ps_[mask_.take(0)]);
}

// Gives a P that is claimed for a searcher. If no thread can be had, the claim is given back; but meanwhile a submitter
// may have relied on the searcher it counted, after the last M had looked and gone to sleep: so look again, as whoever
// stops searching does, and try again if there is somebody to wake now.
void scheduler::wake_with(P& claimed) noexcept {
  for (P* p = &claimed; !give(*p, true);) {
    mask_.set(p->id);
    idle_.abandon(true);
    if (!work_visible() || !anybody_sleeps() || !idle_.claim_for_wake()) return;
    p = ps_[mask_.take(0)].get();
  }
}

bool scheduler::anybody_sleeps() noexcept {
  std::lock_guard hold(sleepers_lock_);
  return sleeping_ != 0;
}

// Gives a P, which the caller has claimed or holds, to an M that sleeps or to a new one. False: there is none.
bool scheduler::give(P& p, bool searching) noexcept {
  leaving_idleness();
  M* m = nullptr;
  bool polls = false;
  {
    std::lock_guard hold(sleepers_lock_);
    if (idle_list_ != nullptr) {
      m = idle_list_;
      unlink(*m);
    } else if (M* poller = in_poller_.load(std::memory_order_relaxed);
               poller != nullptr && poller->handed_p == nullptr) {
      m = poller;
      polls = true;
    }
    if (m != nullptr) {
      m->handed_p = &p;
      m->handed_search = searching;
      m->wake.store(1, std::memory_order_relaxed);
    }
  }
  if (m == nullptr) return start_m(p, searching);
  counters_.wakeups.fetch_add(1, std::memory_order_relaxed);
  if (polls) {
    net_->wake();
  } else {
    os::futex_wake(&m->wake, 1);
  }
  return true;
}

namespace {

void* run_m(void* argument) {
  M& m = *static_cast<M*>(argument);
  const alternate_stack signals;
  os::precise_timers();
  adopt_thread(m.g0);
  m.exceptions = thread_exception_state();
  set_current_m(&m);
  m.sched->loop(m);
  set_current_m(nullptr);
  return nullptr;
}

}  // namespace

bool scheduler::start_m(P& p, bool searching) noexcept {
  std::lock_guard hold(threads_lock_);
  if (stopping_.load(std::memory_order_seq_cst) || ms_.size() >= max_threads) return false;
  try {
    auto m = std::make_unique<M>();
    m->sched = this;
    m->p = &p;
    m->last_p = p.id;
    m->searching = searching;
    m->id = static_cast<std::uint32_t>(ms_.size());
    m->random = reinterpret_cast<std::uintptr_t>(m.get());
    if (ms_.size() == ms_.capacity()) ms_.reserve(std::max<std::size_t>(16, 2 * ms_.size()));
    const std::string name = "weft-m" + std::to_string(m->id);
    if (os::start_thread(m->thread, name.c_str(), run_m, m.get()) != 0) return false;
    ms_.push_back(std::move(m));
    counters_.threads_created.fetch_add(1, std::memory_order_relaxed);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

// Null: the run is over, the timer will not fire.
timer_heap* scheduler::arm(M* m, timer& t) noexcept {
  P& p = m != nullptr && m->p != nullptr ? *m->p : *ps_[0];
  const std::int64_t when = t.when.time_since_epoch().count();  // the timer may be gone once it is armed
  const auto armed = p.timers.insert(t);
  if (armed == timer_heap::armed::no) return nullptr;
  if (armed == timer_heap::armed::earliest) {
    const std::int64_t until = poll_until_.load(std::memory_order_seq_cst);
    if (when < until) {
      net_->wake();
    } else if (until == nobody_polls) {
      // Nobody sleeps in the poller. If a P is idle, an M is sent there (it finds nothing, and becomes the poller);
      // if none is, their holders look after timers.
      wake_if_wanted();
    }
  }
  return &p.timers;
}

void scheduler::stop_all() noexcept {
  {
    std::lock_guard hold(sleepers_lock_);
    stopping_.store(true, std::memory_order_seq_cst);
  }
  std::vector<M*> all;
  {
    std::lock_guard hold(threads_lock_);  // no M is made after this
    for (const auto& m : ms_) all.push_back(m.get());
  }
  net_->wake();
  for (M* m : all) {
    m->wake.store(1, std::memory_order_release);
    os::futex_wake(&m->wake, 1);
  }
  for (M* m : all) os::join_thread(m->thread);
}

}  // namespace weft::inline v0::rt
