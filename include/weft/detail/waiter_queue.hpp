// SPDX-License-Identifier: Apache-2.0
// FIFO of waiters whose nodes live on the waiters' stacks; guarded by the owning object's lock.
#pragma once

#include <weft/detail/wait.hpp>

namespace weft::inline v0::detail {

struct queued_waiter {
  ticket tok;
  void* slot = nullptr;  ///< where the winner puts or takes a value
  queued_waiter* prev = nullptr;
  queued_waiter* next = nullptr;
  bool linked = false;
  bool fired = false;  ///< this node won the wait (a select has several nodes with one ticket)
  bool ok = false;     ///< written by the winner: e.g. a value was transferred, the lock was handed over
};

class waiter_queue {
 public:
  [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }

  void push_back(queued_waiter& w) noexcept {
    w.linked = true;
    w.next = nullptr;
    w.prev = tail_;
    (tail_ != nullptr ? tail_->next : head_) = &w;
    tail_ = &w;
  }
  void push_front(queued_waiter& w) noexcept {
    w.linked = true;
    w.prev = nullptr;
    w.next = head_;
    (head_ != nullptr ? head_->prev : tail_) = &w;
    head_ = &w;
  }
  /// O(1), also from the middle; nothing happens if `w` is not in the queue.
  void remove(queued_waiter& w) noexcept {
    if (!w.linked) return;
    (w.prev != nullptr ? w.prev->next : head_) = w.next;
    (w.next != nullptr ? w.next->prev : tail_) = w.prev;
    w.linked = false;
  }
  queued_waiter* pop_front() noexcept {
    queued_waiter* w = head_;
    if (w != nullptr) remove(*w);
    return w;
  }
  /// The first waiter that could be claimed; those whose wait has ended otherwise are dropped.
  queued_waiter* pop_claimed() noexcept {
    while (queued_waiter* w = pop_front()) {
      if (w->tok.claim(wake::object)) {
        w->fired = true;
        return w;
      }
    }
    return nullptr;
  }
  /// Claims all; returns those claimed, in order, chained by `next`: for ready_all() after unlocking.
  queued_waiter* claim_all(bool ok) noexcept {
    queued_waiter* first = nullptr;
    queued_waiter** last = &first;
    while (queued_waiter* w = pop_claimed()) {
      w->ok = ok;
      *last = w;
      last = &w->next;
    }
    *last = nullptr;
    return first;
  }
  static void ready_all(queued_waiter* first) noexcept {
    while (first != nullptr) {
      queued_waiter* next = first->next;  // read before ready(): the node dies with its waiter's frame
      first->tok.ready();
      first = next;
    }
  }

 private:
  queued_waiter* head_ = nullptr;
  queued_waiter* tail_ = nullptr;
};

}  // namespace weft::inline v0::detail
