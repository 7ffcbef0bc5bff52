// SPDX-License-Identifier: Apache-2.0
#include "runtime/timer/heap.hpp"

#include <utility>

namespace weft::inline v0::rt {

timer* timer_heap::meld(timer* a, timer* b) noexcept {
  if (a == nullptr) return b;
  if (b == nullptr) return a;
  if (b->when < a->when) std::swap(a, b);
  b->next = a->child;
  if (b->next != nullptr) b->next->prev = b;
  b->prev = a;
  a->child = b;
  return a;
}

// Two passes: meld neighbours in pairs from the left, then all from the right. Iterative, because the list
// may be long.
timer* timer_heap::merge_pairs(timer* first) noexcept {
  timer* pairs = nullptr;  // chained by `next`, the last pair first
  while (first != nullptr) {
    timer* a = first;
    timer* b = a->next;
    first = b != nullptr ? b->next : nullptr;
    a->next = a->prev = nullptr;
    if (b != nullptr) b->next = b->prev = nullptr;
    timer* melded = meld(a, b);
    melded->next = pairs;
    pairs = melded;
  }
  timer* root = nullptr;
  while (pairs != nullptr) {
    timer* rest = std::exchange(pairs->next, nullptr);
    root = meld(root, pairs);
    pairs = rest;
  }
  return root;
}

void timer_heap::publish() noexcept {
  earliest_.exchange(root_ == nullptr ? none : root_->when.time_since_epoch().count(), std::memory_order_seq_cst);
}

timer_heap::armed timer_heap::insert(timer& t) noexcept {
  std::lock_guard hold(lock_);
  if (closed_) return armed::no;
  t.heap.store(this, std::memory_order_relaxed);
  t.child = t.next = t.prev = nullptr;
  root_ = meld(root_, &t);
  if (root_ != &t) return armed::yes;
  publish();
  return armed::earliest;
}

bool timer_heap::remove(timer& t) noexcept {
  std::lock_guard hold(lock_);
  if (t.heap.load(std::memory_order_relaxed) != this) return false;
  if (&t == root_) {
    unlink_root();
    publish();
    return true;
  }
  (t.prev->child == &t ? t.prev->child : t.prev->next) = t.next;
  if (t.next != nullptr) t.next->prev = t.prev;
  timer* orphans = merge_pairs(std::exchange(t.child, nullptr));
  root_ = meld(root_, orphans);
  t.next = t.prev = nullptr;
  t.heap.store(nullptr, std::memory_order_relaxed);
  return true;
}

void timer_heap::unlink_root() noexcept {
  timer* t = root_;
  root_ = merge_pairs(std::exchange(t->child, nullptr));
  t->heap.store(nullptr, std::memory_order_release);
}

std::size_t timer_heap::take_due(clock::time_point now, due* out, std::size_t n) noexcept {
  if (earliest() > now.time_since_epoch().count()) return 0;
  std::lock_guard hold(lock_);
  std::size_t taken = 0;
  bool changed = false;
  while (taken < n && root_ != nullptr && root_->when <= now) {
    timer* t = root_;
    changed = true;
    // All that is needed of the timer is read before unlink_root() says that it is not in a heap any more: from
    // then on its owner may arm it anew, or free it.
    if (const detail::ticket k = t->wait) {
      unlink_root();
      if (k.claim(detail::wake::timed_out)) out[taken++] = {k.who, nullptr, 0};
    } else {
      t->retain(*t);
      out[taken++] = {nullptr, t, t->seq};
      unlink_root();
    }
  }
  if (changed) publish();
  return taken;
}

void timer_heap::close() noexcept {
  for (;;) {
    timer* t = nullptr;
    {
      std::lock_guard hold(lock_);
      closed_ = true;
      // Wait timers are those of fibers, and there are none any more.
      while (root_ != nullptr && t == nullptr) {
        if (root_->fire != nullptr) (t = root_)->retain(*root_);
        unlink_root();
      }
      publish();
    }
    if (t == nullptr) return;
    t->fire(*t, run_over);
  }
}

}  // namespace weft::inline v0::rt
