// SPDX-License-Identifier: Apache-2.0
// sleep, and the timer object.
//
// A timer fires on a scheduler stack, after the heap's lock is released, so stop() may come in between. Each arming has
// a sequence number; firing sends only if it is still the current one, under the state's lock, so that a stop() or
// reset() that returned has invalidated whatever is on its way and drained what had been sent. Lock order: the
// state's, then the heap's or the channel's; the heap's is not held when fire() takes the state's.
#include <mutex>
#include <stdexcept>

#include <weft/time.hpp>

#include "runtime/sched/entry.hpp"

namespace weft::inline v0 {

std::error_code sleep(const until& u) noexcept {
  detail::waiting wait(u);
  const detail::wake how = wait.park(detail::wait_reason::sleep);
  // A deadline of `u` itself is what was asked for; one of a context is not.
  if (how == detail::wake::timed_out && clock::now() >= u.deadline()) return {};
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
    std::lock_guard hold(lock_);
    return disarm();
  }

  bool arm(clock::time_point at) {
    const rt::entry e;
    if (e.sched() == nullptr) throw std::logic_error("weft::timer: no weft::run() is on");
    std::lock_guard hold(lock_);
    const bool was_armed = disarm();
    when = at;
    armed_ = true;
    e.sched()->arm(e.m(), *this);
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
    {
      std::lock_guard hold(lock_);
      if (seq == armed_as && armed_) {
        armed_ = false;
        (void)out.try_send(clock::now());
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
bool timer::reset(clock::time_point when) noexcept {
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
