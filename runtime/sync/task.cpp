// SPDX-License-Identifier: Apache-2.0
#include <mutex>
#include <string>

#include <weft/task.hpp>
#include <weft/this_fiber.hpp>

#include "runtime/os/fatal.hpp"
#include "runtime/sched/cancel.hpp"
#include "runtime/sched/entry.hpp"

namespace weft::inline v0::detail {

context parent_for_fibers(const std::optional<context>& asked) {
  context from = asked ? *asked : this_fiber::context();
  if (from.node() != nullptr) return from;
  // The background, or a plain thread: fibers are below the run all the same, so that its end reaches them.
  const rt::entry e;
  if (e.sched() == nullptr) return from;
  retain(e.sched()->root());
  return context(e.sched()->root());
}

context child_context(const std::optional<context>& parent) {
  return context(context_node::make(parent_for_fibers(parent).node(), clock::time_point::max()));
}

bool task_base::done() const noexcept {
  std::lock_guard hold(lock_);
  return done_;
}

std::error_code task_base::wait(const until& u) noexcept {
  lock_.lock();
  if (done_) {
    lock_.unlock();
    return {};
  }
  waiting wait(u);
  queued_waiter me{.tok = wait.token()};
  waiters_.push_back(me);
  lock_.unlock();
  const wake how = wait.park(wait_reason::task_join, this);
  if (how == wake::object) return {};
  std::lock_guard hold(lock_);
  waiters_.remove(me);
  return to_error(how);
}

void task_base::cancel() noexcept {
  ctx_.node()->cancel(wake::canceled);
}

void task_base::finish(std::exception_ptr e) noexcept {
  error = std::move(e);
  queued_waiter* woken;
  bool detached;
  {
    std::lock_guard hold(lock_);
    done_ = true;
    detached = detached_;
    woken = waiters_.claim_all(true);
  }
  waiter_queue::ready_all(woken);
  if (detached) report_unread();
  release();
}

void task_base::report_unread() noexcept {
  {
    std::lock_guard hold(lock_);
    if (!done_ && !read) {
      detached_ = true;  // finish() will
      return;
    }
  }
  if (read || !error) return;
  read = true;
  std::string what = "of a type that is not a std::exception";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) {
  }
  rt::os::print_error("weft: an exception was never read from the task spawned at " + std::string(where_.file_name()) +
                      ":" + std::to_string(where_.line()) + ": " + what + "\n");
}

}  // namespace weft::inline v0::detail
