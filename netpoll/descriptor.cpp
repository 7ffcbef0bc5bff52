// SPDX-License-Identifier: Apache-2.0
// Descriptors: how an operation waits, and how a descriptor is closed under operations in progress.
//
// Waiting. A side (one direction) has the flag `event`; a poll sets it, under the side's lock, and wakes the waiter
// if there is one. An attempt goes
//
//   A1  lock; event = false; unlock
//   A2  the system call; done unless it says EAGAIN
//   A3  lock; if (event) unlock and go to A1; publish the ticket; unlock; park; go to A1
//
// Nothing is lost: let data come (or room, or a connection). The kernel queues it before it makes the edge, and a poll
// sets `event` after it has read the edge. If that was before A1, the data was there before A2, which saw it. If it
// was after A1, A3 sees `event`, or the poll finds the ticket: both hold the lock. And an edge that no poll has read
// yet is still to come. Were the flag cleared after the call, an event between the two would be wiped away.
//
// Short transfers. If read asked for more than it got, the kernel had no more: the next read skips A2 and waits for an
// event first, which saves the EAGAIN that a request/response server would get for each request (7 % of its cost).
// The argument is the same, with the short call in the place of the EAGAIN: what comes after the call makes an edge of
// its own. It fails for what came *before* and yet was not returned, because its edge is spent already:
//   * end of stream and errors behind the data. The event then had RDHUP, HUP or ERR: `hup`, for ever, and such a side
//     makes the call first (still waiting only after EAGAIN, so it cannot spin). An event harvested before the FIN
//     came has none of them, but the FIN then makes another edge.
//   * TCP's urgent mark, at which recv stops. The event then has PRI, which counts as `hup`.
// A short write means that the send buffer is full, and the kernel has set SOCK_NOSPACE, so room makes an edge.
// This holds for streams only (short_transfer::means_drained).
//
// Deadlines. A side keeps no timer: a wait is bounded by the earlier of the call's `until` and the side's deadline as
// it was when the ticket was published. Moving the deadline claims the waiter with wake::retry, and it waits anew.
//
// Close. `state_` counts the operations in progress, and one more until close(); a bit says that it is closing.
//
//        open            close() called               last reference dropped
//   refs = 1 + n  --->  closing, refs = n (evicted)  --->  refs = 0: fd closed  --->  the closer returns
//
// An operation takes a reference first, and fails with errc::closed if the bit is set. close() sets the bit, wakes the
// waiters of both sides, drops its own reference and waits until the others are gone. Who drops the last one closes
// the fd. So an operation's fd is its own until it ends, and the kernel cannot give the number to anybody meanwhile.
// Those who wait for their turn follow by themselves: each that leaves passes the turn on, and the next one sees the
// bit. A waiter cannot be missed: it publishes its ticket under the side's lock after it has seen the bit clear there,
// and close() takes that lock after setting the bit.
//
// Late events. A poll may hold an event of a descriptor that is closed meanwhile, and whose object is another
// descriptor by now. The event's key has the generation, which open() increments *before* it resets the sides, each
// under its lock; so a late event either comes before the reset of its side and is wiped away, or sees that it is late.
#include "netpoll/descriptor.hpp"

#include <mutex>
#include <optional>

#include <sys/epoll.h>

#include "netpoll/current.hpp"
#include "netpoll/slab.hpp"
#include "runtime/os/epoll.hpp"

namespace weft::inline v0::netpoll {

using detail::ticket;
using detail::wake;

namespace {

// A wait that was opened and that nobody else can end: ended by ourselves.
void abandon(detail::waiting& w, detail::wait_reason why) noexcept {
  const ticket self = w.token();
  if (self.claim(wake::retry)) self.ready();
  (void)w.park(why);
}

}  // namespace

// ---------------------------------------------------------------------------------------------- open and close

std::expected<descriptor*, std::error_code> descriptor::open(int fd, short_transfer s) noexcept {
  descriptor* d = descriptors().take();
  if (d == nullptr) return std::unexpected(std::make_error_code(std::errc::not_enough_memory));
  d->generation_.fetch_add(1, std::memory_order_relaxed);
  d->reset(d->read_);
  d->reset(d->write_);
  d->fd_ = fd;
  d->short_ = s;
  d->fd_closed_ = false;
  d->closer_ = {};
  if (auto ec = watch(fd, d->key(), d->epoch_)) {
    descriptors().give_back(d);
    return std::unexpected(ec);
  }
  d->state_.store(1, std::memory_order_release);
  return d;
}

void descriptor::reset(side& s) noexcept {
  std::lock_guard hold(s.lock);
  s.event = false;
  s.hup = false;
  s.drained = false;
  s.deadline = clock::time_point::max();
  s.waiter = {};
}

bool descriptor::acquire() noexcept {
  std::uint32_t state = state_.load(std::memory_order_relaxed);
  do {
    if ((state & closing_bit) != 0) return false;
  } while (!state_.compare_exchange_weak(state, state + 1, std::memory_order_acquire, std::memory_order_relaxed));
  return true;
}

void descriptor::release() noexcept {
  // Acquire and release: the fd is closed after everything that each operation did with it.
  if (state_.fetch_sub(1, std::memory_order_acq_rel) == (closing_bit | 1)) close_fd();
}

void descriptor::close_fd() noexcept {
  unwatch(fd_, epoch_);
  rt::os::close_fd(fd_);
  close_lock_.lock();
  fd_closed_ = true;
  const ticket closer = closer_;
  const bool claimed = closer && closer.claim(wake::object);
  close_lock_.unlock();  // the closer may recycle this object now
  if (claimed) closer.ready();
}

std::error_code descriptor::close() noexcept {
  if ((state_.fetch_or(closing_bit, std::memory_order_seq_cst) & closing_bit) != 0) return errc::closed;
  wake_waiter(read_, wake::object);
  wake_waiter(write_, wake::object);
  release();

  const until for_ever = until::never();
  for (;;) {
    {
      std::lock_guard hold(close_lock_);
      if (fd_closed_) return {};
    }
    detail::waiting w(for_ever);
    bool published = false;
    {
      std::lock_guard hold(close_lock_);
      if (!fd_closed_) {
        closer_ = w.token();
        published = true;
      }
    }
    if (published) {
      (void)w.park(detail::wait_reason::io_close, this);
    } else {
      abandon(w, detail::wait_reason::io_close);
    }
  }
}

void descriptor::recycle() noexcept {
  descriptors().give_back(this);
}

int descriptor::native_handle() const noexcept {
  return closing() ? -1 : fd_;
}

void close_handle(descriptor* d) noexcept {
  if (d == nullptr) return;
  (void)d->close();  // errc::closed: the user has done it
  d->recycle();
}

// ------------------------------------------------------------------------------------------------------- events

void deliver(std::uint64_t key, std::uint32_t events, rt::ready_list& out) noexcept {
  descriptor* d = descriptors().at(static_cast<std::uint32_t>(key));
  if (d == nullptr) return;
  const auto generation = static_cast<std::uint32_t>(key >> 32);
  constexpr std::uint32_t both = EPOLLHUP | EPOLLERR;
  constexpr std::uint32_t no_more_reads = EPOLLRDHUP | EPOLLPRI | both;
  if ((events & (EPOLLIN | no_more_reads)) != 0)
    d->deliver_to(d->read_, generation, (events & no_more_reads) != 0, out);
  if ((events & (EPOLLOUT | both)) != 0) d->deliver_to(d->write_, generation, (events & both) != 0, out);
}

void descriptor::deliver_to(side& s, std::uint32_t generation, bool hup, rt::ready_list& out) noexcept {
  s.lock.lock();
  ticket woken;
  if (generation_.load(std::memory_order_relaxed) == generation) {
    s.event = true;
    if (hup) s.hup = true;
    if (s.waiter && s.waiter.claim(wake::object)) woken = s.waiter;
    s.waiter = {};
  }
  s.lock.unlock();
  // Its frame lives until the scheduler has made it run.
  if (woken) out.add(woken.who);
}

void descriptor::wake_waiter(side& s, wake how) noexcept {
  s.lock.lock();
  ticket woken;
  if (s.waiter && s.waiter.claim(how)) woken = s.waiter;
  s.waiter = {};
  s.lock.unlock();
  if (woken) woken.ready();
}

void wake_everybody() noexcept {
  descriptors().for_each([](descriptor& d) {
    descriptor::wake_waiter(d.read_, wake::retry);
    descriptor::wake_waiter(d.write_, wake::retry);
  });
}

// ------------------------------------------------------------------------------------------------------ waiting

void descriptor::set_deadline(side& s, clock::time_point t) noexcept {
  s.lock.lock();
  s.deadline = t;
  ticket woken;
  if (s.waiter && s.waiter.claim(wake::retry)) woken = s.waiter;
  s.waiter = {};
  s.lock.unlock();
  if (woken) woken.ready();
}

std::error_code descriptor::begin_attempt(side& s, bool& may_call) noexcept {
  if (closing()) return errc::closed;
  if (epoch_ != epoch()) return errc::not_running;
  std::unique_lock hold(s.lock);
  if (s.deadline != clock::time_point::max()) {
    const auto deadline = s.deadline;
    hold.unlock();  // the clock may be a system call
    if (deadline <= clock::now()) return errc::timed_out;
    hold.lock();
  }
  may_call = may_call || !s.drained || s.event || s.hup;
  // A1. Only if the call is made now: a flag cleared on the way to an error would be an event lost.
  if (may_call) s.event = false;
  return {};
}

std::error_code descriptor::wait_event(side& s, const until& u, detail::wait_reason why) noexcept {
  clock::time_point deadline = [&s] {
    std::lock_guard hold(s.lock);
    return s.deadline;
  }();
  for (;;) {
    std::optional<until> shorter;
    if (deadline < u.deadline()) shorter.emplace(u.with_deadline(deadline));
    detail::waiting w(shorter ? *shorter : u);

    enum { published, ready, deadline_moved, closed, run_over } state = published;
    wait_begins();
    {
      std::lock_guard hold(s.lock);
      if (closing()) {
        state = closed;
      } else if (epoch_ != epoch()) {
        state = run_over;
      } else if (s.event) {
        state = ready;
      } else if (s.deadline != deadline) {
        state = deadline_moved;
        deadline = s.deadline;
      } else {
        s.waiter = w.token();
      }
    }
    wake how = wake::retry;
    if (state == published) {
      how = w.park(why, this);
    } else {
      abandon(w, why);
    }
    wait_ended();
    switch (state) {
      case ready:
        return {};
      case closed:
        return errc::closed;
      case run_over:
        return errc::not_running;
      case deadline_moved:
        continue;
      case published:
        break;
    }

    bool moved = false;
    {
      std::lock_guard hold(s.lock);
      s.waiter = {};  // a plain thread's parker is on this frame
      moved = s.deadline != deadline;
      deadline = s.deadline;
    }
    if (closing()) return errc::closed;
    if (epoch_ != epoch()) return errc::not_running;
    if (how == wake::object) return {};
    if (how == wake::retry) continue;
    // Timed out by the side's deadline, which was moved just then: as if it had been moved in time.
    if (how == wake::timed_out && shorter && moved) continue;
    return detail::to_error(how);
  }
}

}  // namespace weft::inline v0::netpoll
