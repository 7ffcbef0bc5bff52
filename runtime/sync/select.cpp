// SPDX-License-Identifier: Apache-2.0
// select, in Go's three passes:
//   1. with the locks of all channels held (taken in address order, so that two selects cannot deadlock), look in
//      random order for a case that can go now;
//   2. none: put a waiter with one and the same ticket on every channel, let go of the locks, park;
//   3. woken: somebody has claimed the ticket for exactly one case and completed it; take the other waiters off.
// All locks at once is what makes the choice atomic: if at each instant some channel is ready, a select over them
// never finds all of them not ready.
#include <weft/select.hpp>

#include <algorithm>
#include <atomic>
#include <span>

#include <weft/detail/wait.hpp>

#include "runtime/fiber/current.hpp"
#include "runtime/sched/cancel.hpp"
#include "runtime/sched/m.hpp"

namespace weft::inline v0::detail {

namespace {

std::uint64_t random_bits() noexcept {
  // Plain threads share one; a race only costs quality.
  static std::atomic<std::uint64_t> shared{0x853c49e6748fea9b};
  rt::M* m = rt::current_m();
  std::uint64_t z;
  if (m != nullptr) {
    z = (m->random += 0x9e3779b97f4a7c15);
  } else {
    z = shared.fetch_add(0x9e3779b97f4a7c15, std::memory_order_relaxed);
  }
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// The channels of a select, locked together, each once.
class all_locks {
 public:
  all_locks(std::span<select_case*> cases, chan_base** room) noexcept : first_(room), last_(room) {
    for (select_case* c : cases) {
      if (c->channel != nullptr) *last_++ = c->channel;
    }
    std::sort(first_, last_);
    last_ = std::unique(first_, last_);
  }
  void lock() noexcept {
    for (chan_base** c = first_; c != last_; ++c) (*c)->lock.lock();
  }
  void unlock() noexcept {
    for (chan_base** c = last_; c != first_;) (*--c)->lock.unlock();
  }

 private:
  chan_base** const first_;
  chan_base** last_;
};

bool ready_without_channel(const select_case& c) noexcept {
  return c.what == select_case::kind::done && c.ctx.node() != nullptr && c.ctx.node()->peek() != wake::none;
}

}  // namespace

std::size_t select(select_scratch s) noexcept {
  const std::span cases(s.cases, s.n);
  constexpr std::size_t none = static_cast<std::size_t>(-1);

  std::size_t default_case = none;
  std::size_t timeout_case = none;
  clock::time_point deadline = clock::time_point::max();
  for (std::size_t i = 0; i < s.n; ++i) {
    const select_case& c = *cases[i];
    if (c.what == select_case::kind::otherwise) default_case = i;
    // A context's own deadline counts for its case as a timeout does for `after`.
    clock::time_point at = c.deadline;
    if (c.what == select_case::kind::done) at = c.ctx.deadline().value_or(clock::time_point::max());
    if (at < deadline) {
      deadline = at;
      timeout_case = i;
    }
  }

  // Fisher–Yates.
  for (std::uint32_t i = 0; i < s.n; ++i) {
    const auto j = static_cast<std::uint32_t>(random_bits() % (i + 1));
    s.poll_order[i] = s.poll_order[j];
    s.poll_order[j] = i;
  }

  all_locks locks(cases, s.lock_order);
  locks.lock();
  for (std::size_t k = 0; k < s.n; ++k) {
    const std::size_t i = s.poll_order[k];
    select_case& c = *cases[i];
    queued_waiter* wake_up = nullptr;
    const bool done = c.channel != nullptr ? c.attempt(c, wake_up) : ready_without_channel(c);
    if (!done) continue;
    locks.unlock();
    if (wake_up != nullptr) wake_up->tok.ready();
    return i;
  }
  if (default_case != none) {
    locks.unlock();
    return default_case;
  }

  until limit = until::never();
  limit = limit.with_deadline(deadline);
  waiting wait(limit);
  // In the shuffled order, which is what makes cases on the same channel equal.
  for (std::size_t k = 0; k < s.n; ++k) {
    select_case& c = *cases[s.poll_order[k]];
    c.node.tok = wait.token();
    if (c.channel != nullptr) (c.send ? c.channel->senders : c.channel->receivers).push_back(c.node);
  }
  locks.unlock();
  for (select_case* c : cases) {
    if (c->what != select_case::kind::done || c->ctx.node() == nullptr) continue;
    c->done_node.tok = wait.token();
    if (!c->ctx.node()->add_waiter(c->done_node)) {
      // Done meanwhile; unless something else was faster, this is the case.
      if (c->done_node.tok.claim(wake::object)) {
        c->done_node.fired = true;
        c->done_node.tok.ready();
      }
      break;
    }
  }
  wait.park(s.n == 0 ? wait_reason::select_no_cases : wait_reason::select);

  locks.lock();
  for (select_case* c : cases) {
    if (c->channel != nullptr) (c->send ? c->channel->senders : c->channel->receivers).remove(c->node);
  }
  locks.unlock();
  std::size_t chosen = timeout_case;
  for (std::size_t i = 0; i < s.n; ++i) {
    select_case& c = *cases[i];
    if (c.what == select_case::kind::done && c.ctx.node() != nullptr) c.ctx.node()->remove_waiter(c.done_node);
    if (c.node.fired || c.done_node.fired) chosen = i;
  }
  return chosen;
}

}  // namespace weft::inline v0::detail
