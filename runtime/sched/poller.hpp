// SPDX-License-Identifier: Apache-2.0
// What the scheduler needs of a network poller. netpoll/ implements it; the scheduler never sees a
// file descriptor. Sleeping in the kernel is the poller's: one idle M waits there for everybody.
#pragma once

#include <cstdint>

#include <weft/detail/config.hpp>
#include <weft/detail/deadline.hpp>
#include <weft/detail/wait.hpp>

namespace weft::inline v0::rt {

/// Waiters that a poll has claimed: the scheduler makes them run, in this order, all at once.
class ready_list {
 public:
  virtual void add(detail::parker* claimed) noexcept = 0;

 protected:
  ~ready_list() = default;
};

class poller {
 public:
  virtual ~poller() = default;

  /// Collects events: for each descriptor that became ready, claims its waiter (ticket::claim) and, if it
  /// won, adds it to `out` *instead of* calling ticket::ready().
  /// Waits until the deadline, or wake(), or an event: time_point::min() does not wait, max() waits for ever.
  /// Called by one M at a time with a deadline other than min(); any number may call it with min() meanwhile.
  /// Returns the number of events (wake() is not one).
  virtual int poll(clock::time_point deadline, ready_list& out) noexcept = 0;

  /// Makes the waiting poll return now, or the next one return at once. Any thread. Never lost; cheap if
  /// one is pending already.
  virtual void wake() noexcept = 0;

  /// Fibers and threads that wait for a descriptor now. If this is 0, nothing can come out of a poll.
  [[nodiscard]] virtual std::int64_t waiters() const noexcept = 0;
};

}  // namespace weft::inline v0::rt
