// SPDX-License-Identifier: Apache-2.0
#include "runtime/sched/cancel.hpp"

#include <algorithm>
#include <mutex>

#include "runtime/fiber/g.hpp"

namespace weft::inline v0::detail {

void retain(context_node* n) noexcept {
  n->refs.fetch_add(1, std::memory_order_relaxed);
}

void release(context_node* n) noexcept {
  while (n != nullptr && n->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    context_node* parent = n->parent;
    if (parent != nullptr) {
      std::lock_guard hold(parent->lock);
      (n->sibling_prev != nullptr ? n->sibling_prev->sibling_next : parent->children) = n->sibling_next;
      if (n->sibling_next != nullptr) n->sibling_next->sibling_prev = n->sibling_prev;
    }
    delete n;
    n = parent;  // the child's reference
  }
}

context_node* context_node::make(context_node* parent, clock::time_point deadline) {
  auto* n = new context_node;
  n->deadline = deadline;
  if (parent == nullptr) return n;
  retain(parent);
  n->parent = parent;
  n->deadline = std::min(deadline, parent->deadline);
  std::lock_guard hold(parent->lock);
  n->how.store(parent->how.load(std::memory_order_relaxed), std::memory_order_relaxed);
  n->sibling_next = parent->children;
  if (n->sibling_next != nullptr) n->sibling_next->sibling_prev = n;
  parent->children = n;
  return n;
}

wake context_node::peek() const noexcept {
  const wake h = how.load(std::memory_order_acquire);
  if (h != wake::none || deadline == clock::time_point::max() || clock::now() < deadline) return h;
  return wake::timed_out;
}

wake context_node::state() noexcept {
  if (how.load(std::memory_order_acquire) == wake::none && peek() == wake::timed_out) cancel(wake::timed_out);
  return how.load(std::memory_order_acquire);
}

bool interrupt(G& g, wake why) noexcept {
  g.canceled.store(true, std::memory_order_seq_cst);
  std::uint64_t w = g.word.load(std::memory_order_seq_cst);
  constexpr std::uint64_t interruptible = 2;
  return (w & 0xff) == interruptible && ticket{&g, w}.claim(why);
}

void context_node::cancel(wake reason) noexcept {
  // `this` is not on the list: it may be on the list of somebody who cancels its parent just now, and a node has one
  // link. Every other node is put on at most one list, by the one who marked its parent.
  context_node* work = nullptr;
  retain(this);
  for (context_node* n = this; n != nullptr;) {
    context_waiter* woken = nullptr;
    G* fibers = nullptr;
    {
      std::lock_guard hold(n->lock);
      if (n->how.load(std::memory_order_relaxed) == wake::none) {
        // Whoever asked after the deadline was told "timed out", and the answer must not change.
        const bool late = n->deadline != clock::time_point::max() && n->deadline <= clock::now();
        const wake why = late ? wake::timed_out : reason;
        n->how.store(why, std::memory_order_release);
        while (context_waiter* w = n->waiters) {
          n->waiters = w->next;
          w->linked = false;
          if (!w->tok.claim(why)) continue;
          w->fired = true;
          w->next = woken;  // the node lives until its waiter is made ready
          woken = w;
        }
        for (G* g = n->members; g != nullptr; g = g->ctx_next) {
          if (!interrupt(*g, why)) continue;
          g->link = fibers;  // ours until ready()
          fibers = g;
        }
        for (context_node* c = n->children; c != nullptr; c = c->sibling_next) {
          // A child whose last reference is gone waits for our lock to unlink itself: let it die.
          std::uint32_t seen = c->refs.load(std::memory_order_relaxed);
          while (seen != 0 && !c->refs.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed)) {
          }
          if (seen == 0) continue;
          c->work_next = work;
          work = c;
        }
      }
    }
    while (woken != nullptr) {
      context_waiter* next = woken->next;
      woken->tok.ready();
      woken = next;
    }
    while (fibers != nullptr) {
      G* next = fibers->link;
      ticket::ready(fibers);
      fibers = next;
    }
    release(n);
    n = work;
    if (n != nullptr) work = n->work_next;
  }
}

void context_node::add_member(G& g) noexcept {
  std::lock_guard hold(lock);
  g.ctx_prev = nullptr;
  g.ctx_next = members;
  if (members != nullptr) members->ctx_prev = &g;
  members = &g;
  if (how.load(std::memory_order_relaxed) != wake::none) g.canceled.store(true, std::memory_order_seq_cst);
}

void context_node::remove_member(G& g) noexcept {
  std::lock_guard hold(lock);
  (g.ctx_prev != nullptr ? g.ctx_prev->ctx_next : members) = g.ctx_next;
  if (g.ctx_next != nullptr) g.ctx_next->ctx_prev = g.ctx_prev;
}

bool context_node::add_waiter(context_waiter& w) noexcept {
  std::lock_guard hold(lock);
  if (how.load(std::memory_order_relaxed) != wake::none) return false;
  w.linked = true;
  w.prev = nullptr;
  w.next = waiters;
  if (waiters != nullptr) waiters->prev = &w;
  waiters = &w;
  return true;
}

void context_node::remove_waiter(context_waiter& w) noexcept {
  std::lock_guard hold(lock);
  if (!w.linked) return;
  (w.prev != nullptr ? w.prev->next : waiters) = w.next;
  if (w.next != nullptr) w.next->prev = w.prev;
  w.linked = false;
}

}  // namespace weft::inline v0::detail

namespace weft::inline v0 {

std::error_code context::error() const noexcept {
  return node_ == nullptr ? std::error_code{} : detail::to_error(node_->state());
}

std::optional<clock::time_point> context::deadline() const noexcept {
  if (node_ == nullptr || node_->deadline == clock::time_point::max()) return std::nullopt;
  return node_->deadline;
}

cancel_source::cancel_source(const weft::context& parent) : cancel_source(parent, clock::time_point::max()) {}

cancel_source::cancel_source(const weft::context& parent, clock::time_point deadline)
    : context_(detail::context_node::make(parent.node(), deadline)) {}

cancel_source& cancel_source::operator=(cancel_source&& o) noexcept {
  if (this != &o) {
    cancel();
    context_ = std::move(o.context_);
  }
  return *this;
}

cancel_source::~cancel_source() {
  cancel();
}

void cancel_source::cancel() noexcept {
  if (context_.node() != nullptr) context_.node()->cancel(detail::wake::canceled);
}

}  // namespace weft::inline v0
