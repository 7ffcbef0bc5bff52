// SPDX-License-Identifier: Apache-2.0
// sleep, and the timer object.
//
// A timer fires on a scheduler stack, after the heap's lock is released, so stop() may come in between. Each arming has
// a sequence number; firing sends only if it is still the current one, under the state's lock, so that a stop() or
// reset() that returned has invalidated whatever is on its way and drained what had been sent. Lock order: the
// state's, then the heap's or the channel's; the heap's is not held when fire() takes the state's.
#include <algorithm>
#include <mutex>
#include <stdexcept>

#include <weft/time.hpp>

#include "runtime/sched/entry.hpp"

namespace weft::inline v0 {

std::error_code sleep(const until& u) noexcept {
  // A deadline of `u` itself is what was asked for; an earlier one of a context is not.
  clock::time_point of_contexts = u.ctx().deadline().value_or(clock::time_point::max());
  if (const detail::G* g = rt::running_fiber(); g != nullptr && g->ctx != nullptr && u.observes_own_context()) {
    of_contexts = std::min(of_contexts, g->ctx->deadline);
  }
  detail::waiting wait(u);
  const detail::wake how = wait.park(detail::wait_reason::sleep);
  if (how == detail::wake::timed_out && u.deadline() <= of_contexts) return {};
  return detail::to_error(how);
}

namespace detail {

class timer_state : public rt::timer {
 public:
  timer_state() : out(1) {
    fire = [](rt::timer& t, std::uint64_t s) noexcept { static_cast<timer_state&>(t).on_due(s); };
    retain = [](rt::timer& t) noexcept { static_cast<timer_state&>(t).refs_.fetch_add(1, std::memory_order_relaxed); };
  }

  void release() noexcept {
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  bool stop() noexcept {
    const rt::entry e;  // the heap does not go away under us
    std::lock_guard hold(lock_);
    return disarm();
  }

  bool arm(clock::time_point at) {
    const rt::entry e;
    if (e.sched() == nullptr) throw std::logic_error("weft::timer: no weft::run() is on");
    std::lock_guard hold(lock_);
    if (out.closed()) throw std::logic_error("weft::timer: the run it was made in is over, or its channel was closed");
    const bool was_armed = disarm();
    when = at;
    armed_ = true;
    if (e.sched()->arm(e.m(), *this) == nullptr) {
      armed_ = false;
      throw std::logic_error("weft::timer: the run is over");
    }
    return was_armed;
  }

  chan<clock::time_point> out;

 private:
  bool disarm() noexcept {
    // acquire: if the heap has let go of the timer to fire it, it has read `seq`, which may then change.
    if (rt::timer_heap* h = heap.load(std::memory_order_acquire); h != nullptr) h->remove(*this);
    ++seq;  // what is being fired now finds itself stale
    (void)out.try_recv();
    return std::exchange(armed_, false);
  }

  void on_due(std::uint64_t armed_as) noexcept {
    queued_waiter* woken = nullptr;
    {
      std::lock_guard hold(lock_);
      if (armed_ && seq == armed_as) {
        armed_ = false;
        clock::time_point now = clock::now();
        std::lock_guard channel(out.core()->lock);
        if (!out.core()->closed) out.core()->send_locked(now, woken);
      } else if (armed_as == rt::timer_heap::run_over) {
        armed_ = false;
      }
    }
    if (woken != nullptr) woken->tok.ready();
    if (armed_as == rt::timer_heap::run_over && !out.closed()) {
      try {
        out.close();  // whoever waits for it, on a thread, would wait for ever
      } catch (const std::logic_error&) {
        // The user was faster.
      }
    }
    release();
  }

  std::atomic<int> refs_{1};
  spinlock lock_;
  bool armed_ = false;
};

}  // namespace detail

timer::timer(clock::time_point when) : state_(new detail::timer_state) {
  try {
    state_->arm(when);
  } catch (...) {
    state_->release();
    throw;
  }
}

timer& timer::operator=(timer&& o) noexcept {
  if (this != &o) {
    drop();
    state_ = std::exchange(o.state_, nullptr);
  }
  return *this;
}

timer::~timer() {
  drop();
}

void timer::drop() noexcept {
  if (state_ == nullptr) return;
  state_->stop();
  state_->release();
}

bool timer::stop() noexcept {
  return state_ != nullptr && state_->stop();
}
bool timer::reset(clock::time_point when) {
  return state_->arm(when);
}
chan<clock::time_point> timer::channel() const noexcept {
  return state_->out;
}

std::error_code timer::wait(const until& u) {
  auto r = state_->out.recv(u);
  if (!r) return r.error();
  return {};
}

}  // namespace weft::inline v0
