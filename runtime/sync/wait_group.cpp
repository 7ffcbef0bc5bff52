// SPDX-License-Identifier: Apache-2.0
#include <mutex>
#include <stdexcept>

#include <weft/sync.hpp>

namespace weft::inline v0 {

void wait_group::add(std::int64_t n) {
  detail::queued_waiter* woken = nullptr;
  {
    std::lock_guard hold(lock_);
    if (count_ + n < 0) throw std::logic_error("weft::wait_group: more done() than add()");
    count_ += n;
    if (count_ == 0) woken = waiters_.claim_all(true);
  }
  // The wait_group may be gone from here on: a waiter that saw zero has returned.
  detail::waiter_queue::ready_all(woken);
}

std::error_code wait_group::wait_for(const until& u) noexcept {
  lock_.lock();
  if (count_ == 0) {
    lock_.unlock();
    return {};
  }
  detail::waiting wait(u);
  detail::queued_waiter me{.tok = wait.token()};
  waiters_.push_back(me);
  lock_.unlock();
  const detail::wake how = wait.park(detail::wait_reason::wait_group_wait, this);
  if (how == detail::wake::object) return {};
  std::lock_guard hold(lock_);
  waiters_.remove(me);
  return detail::to_error(how);
}

}  // namespace weft::inline v0
