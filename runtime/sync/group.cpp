// SPDX-License-Identifier: Apache-2.0
#include <mutex>

#include <weft/group.hpp>

namespace weft::inline v0::detail {

std::error_code group_state::enter(const until& u) noexcept {
  for (;;) {
    lock_.lock();
    if (limit_ == 0 || count_ < limit_) {
      ++count_;
      lock_.unlock();
      return {};
    }
    waiting wait(u);
    queued_waiter me{.tok = wait.token()};
    entering_.push_back(me);
    lock_.unlock();
    const wake how = wait.park(wait_reason::group_limit, this);
    if (how == wake::object) {
      if (me.ok) return {};  // leave() gave us its place
      continue;              // the limit was raised
    }
    std::lock_guard hold(lock_);
    entering_.remove(me);
    return to_error(how);
  }
}

void group_state::leave() noexcept {
  queued_waiter* next = nullptr;
  queued_waiter* joined = nullptr;
  {
    std::lock_guard hold(lock_);
    if (limit_ == 0 || count_ <= limit_) next = entering_.pop_claimed();
    if (next != nullptr) {
      next->ok = true;
    } else if (--count_ == 0) {
      joined = joiners_.claim_all(true);
    }
  }
  // The group may be gone from here on, with a joiner that has returned.
  if (next != nullptr) next->tok.ready();
  waiter_queue::ready_all(joined);
}

void group_state::fail(std::error_code ec) noexcept {
  {
    std::lock_guard hold(lock_);
    if (first_error_ || first_exception_) return;
    first_error_ = ec;
  }
  cancel();
}

void group_state::fail(std::exception_ptr e) noexcept {
  {
    std::lock_guard hold(lock_);
    if (first_error_ || first_exception_) return;
    first_exception_ = std::move(e);
  }
  cancel();
}

std::error_code group_state::wait(const until& u) noexcept {
  lock_.lock();
  if (count_ > 0) {
    waiting wait(u);
    queued_waiter me{.tok = wait.token()};
    joiners_.push_back(me);
    lock_.unlock();
    const wake how = wait.park(wait_reason::group_wait, this);
    lock_.lock();
    if (how != wake::object) {
      joiners_.remove(me);
      lock_.unlock();
      return to_error(how);
    }
  }
  const std::error_code ec = first_error_;
  lock_.unlock();
  return ec;
}

void group_state::rethrow() {
  std::exception_ptr e;
  {
    std::lock_guard hold(lock_);
    if (count_ > 0) return;
    e = std::exchange(first_exception_, nullptr);
  }
  if (e) std::rethrow_exception(e);
}

std::size_t group_state::size() noexcept {
  std::lock_guard hold(lock_);
  return count_;
}

void group_state::limit(std::size_t n) noexcept {
  queued_waiter* woken;
  {
    std::lock_guard hold(lock_);
    limit_ = n;
    woken = entering_.claim_all(false);  // they look again
  }
  waiter_queue::ready_all(woken);
}

}  // namespace weft::inline v0::detail
