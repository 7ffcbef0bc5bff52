// SPDX-License-Identifier: Apache-2.0
// Leaving a fiber's stack, and coming back.
//
// A fiber stops running in one of three ways: it parks, yields (also when it comes back from a blocking call
// to find no P), or ends. All go through leave(): it switches to the next fiber of P directly if one is at hand, else
// to g0, which searches. What must happen only after the fiber has left its stack (marking it parked, putting it on a
// queue, freeing it) is its *commit*: a function that runs on the other side of the switch, first thing, whoever is
// there. From the moment a commit has published the fiber, another M may run it: nothing touches the fiber or its
// frames after that.
//
// Rejected: unlocking the waited-for object in the commit, as Go does. With the permit (permit.hpp) a waker may
// come before the fiber has left its stack, so locks are released before the switch and held for less.
#include <string>
#include <utility>

#include "runtime/os/fatal.hpp"
#include "runtime/os/futex.hpp"
#include "runtime/os/thread.hpp"
#include "runtime/sched/entry.hpp"
#include "runtime/sched/permit.hpp"

namespace weft::inline v0::rt {

namespace {

using permit = park_permit<std::atomic<std::uint32_t>>;

// Nothing is left to do when g0 resumed us.
void finish_switch(M& m) noexcept {
  if (auto* commit = std::exchange(m.commit, nullptr)) commit(m, *m.left);
}

void check_canary(const G& g) noexcept {
  if (canary_intact(g)) return;
  const auto where = g.where.load(std::memory_order_relaxed);
  os::fatal("stack overflow in fiber " + std::to_string(g.id.load()) + ", spawned at " + where.file_name() + ":" +
            std::to_string(where.line()) + " (found by the canary: this stack has no guard)");
}

}  // namespace

// What each way of leaving commits.
struct commits {
  static void parked(M& m, G& g) noexcept {
    if (!permit::commit_park(g.permit)) m.sched->enqueue(&m, g, place::next);
  }
  static void yielded(M& m, G& g) noexcept { m.sched->enqueue(&m, g, place::tail); }
  static void ended(M& m, G& g) noexcept {
    m.sched->put_dead(&m, g);
    m.sched->count_out();
  }
};

G* running_fiber() noexcept {
  const M* m = current_m();
  return m == nullptr ? nullptr : m->curg;
}

G* scheduler::pick_fast(M& m) noexcept {
  P* p = m.p;
  if (p == nullptr || p->budget <= 1 || m.sched->stopping_.load(std::memory_order_relaxed)) return nullptr;
  G* g = m.sched->next_local(*p);
  if (g != nullptr) --p->budget;
  return g;
}

void scheduler::leave(M& m, G& g, commit_fn commit, bool ends) noexcept {
  check_canary(g);
  if (m.p == nullptr && g.lent) {
    // It will come back with a P, also if this is inside blocking().
    g.lent = false;
    m.sched->lent_.fetch_sub(1, std::memory_order_relaxed);
  }
  m.commit = commit;
  m.left = &g;
  G* next = pick_fast(m);
  m.curg = next;
  execution* target = &m.g0;
  if (next != nullptr) {
    next->status.store(g_status::running, std::memory_order_relaxed);
    target = &next->exec;
  }
  switch_execution(g.exec, *target, m.exceptions, ends);
  // Perhaps another thread: `m` is stale.
  finish_switch(*current_m());
}

void scheduler::loop(M& m) noexcept {
  while (G* g = find_runnable(m)) {
    m.curg = g;
    g->status.store(g_status::running, std::memory_order_relaxed);
    m.deciding.store(false, std::memory_order_relaxed);
    switch_execution(m.g0, g->exec, m.exceptions);
    m.deciding.store(true, std::memory_order_relaxed);
    m.curg = nullptr;
    finish_switch(m);
  }
}

// The first frame of every fiber. Not noexcept, and nothing below it catches: the unwinder finds no handler for
// an exception that escapes, so std::terminate is called with the throwing frames still there to be printed.
void scheduler::enter_fiber(boost::context::detail::transfer_t t) {
#if defined(__x86_64__)
  asm volatile(".cfi_undefined rip");  // unwinders stop here
#elif defined(__aarch64__)
  asm volatile(".cfi_undefined x30");
#endif
  M* m = current_m();
  G* g = m->curg;
  begin_execution(g->exec, t, __builtin_frame_address(0));
  finish_switch(*m);
  g->run(g->closure);
  finish_fiber(*g);
}

void scheduler::finish_fiber(G& g) {
  if (g.ctx != nullptr) {
    g.ctx->remove_member(g);
    detail::release(g.ctx);
    g.ctx = nullptr;
  }
  leave(*current_m(), g, &commits::ended, true);
  os::fatal("a fiber that had ended was resumed");
}

void scheduler::park(G& g) noexcept {
  if (permit::consume(g.permit)) return;
  g.status.store(g_status::waiting, std::memory_order_relaxed);
  leave(*current_m(), g, &commits::parked);
}

void scheduler::yield(M& m) noexcept {
  G& g = *m.curg;
  if (P* p = m.p; p != nullptr && p->budget > 1 && p->queue.empty() && global_.empty()) {
    --p->budget;  // nobody to yield to; it counts as a scheduling point all the same
    return;
  }
  g.status.store(g_status::runnable, std::memory_order_relaxed);
  leave(m, g, &commits::yielded);
}

void scheduler::push_tail(P& p, G& g) noexcept {
  if (const std::uint32_t n = p.queue.push(&g, p.overflow); n != 0) global_.push(p.overflow, n);
}

void scheduler::enqueue(M* m, G& g, place where) noexcept {
  g.status.store(g_status::runnable, std::memory_order_relaxed);
  const bool from_fiber = m != nullptr && !m->deciding.load(std::memory_order_relaxed);
  if (from_fiber) m->deciding.store(true, std::memory_order_relaxed);
  if (m != nullptr && m->p != nullptr) {
    P& p = *m->p;
    G* displaced = &g;
    if (where == place::next) displaced = p.queue.push_next(&g);
    if (displaced != nullptr) push_tail(p, *displaced);
  } else {
    G* one = &g;
    global_.push(&one, 1);
  }
  wake_if_wanted();
  if (from_fiber) m->deciding.store(false, std::memory_order_relaxed);
}

}  // namespace weft::inline v0::rt

namespace weft::inline v0 {

void detail::ticket::ready(parker* who) noexcept {
  if (!who->is_fiber) {
    // The thread may be gone with its stack as soon as the word says so: only the address is used after that.
    const auto* word = &who->permit;
    who->permit.store(rt::park_permit<std::atomic<std::uint32_t>>::notified, std::memory_order_release);
    rt::os::futex_wake(word, 1);
    return;
  }
  rt::entry e;
  if (rt::park_permit<std::atomic<std::uint32_t>>::notify(who->permit)) {
    e.sched()->enqueue(e.m(), static_cast<G&>(*who), place::next);
  }
}

void yield() noexcept {
  rt::M* m = rt::current_m();
  if (m == nullptr || m->curg == nullptr) {
    rt::os::yield();
    return;
  }
  m->sched->yield(*m);
}

}  // namespace weft::inline v0
