// SPDX-License-Identifier: Apache-2.0
// The inside of a channel: select.cpp in runtime/sync has the other half. Not for users.
//
// One lock; a ring of `capacity` elements; FIFO queues of blocked receivers and senders. Invariant
// under the lock: elements in the ring imply no blocked receiver, free slots imply no blocked sender
// (a select that waits both ways on one channel is the exception, and cannot pair with itself).
// A sender that finds a blocked receiver moves the value straight into its frame.
#pragma once

#include <atomic>
#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <type_traits>
#include <utility>

#include <weft/detail/spinlock.hpp>
#include <weft/detail/wait.hpp>
#include <weft/detail/waiter_queue.hpp>
#include <weft/error.hpp>

namespace weft::inline v0::detail {

struct chan_base {
  explicit chan_base(std::size_t cap) noexcept : capacity(cap) {}
  chan_base(const chan_base&) = delete;
  chan_base& operator=(const chan_base&) = delete;
  virtual ~chan_base() = default;

  void retain() noexcept { refs.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (refs.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
  /// Throws std::logic_error if closed already.
  WEFT_API void close();

  std::atomic<std::size_t> refs{1};
  spinlock lock;
  bool closed = false;  // under lock
  const std::size_t capacity;
  std::size_t count = 0;   // elements in the ring; under lock
  waiter_queue receivers;  // under lock
  waiter_queue senders;    // under lock
};

template <class T>
class chan_core final : public chan_base {
  static_assert(
      std::is_nothrow_move_constructible_v<T>,
      "chan<T> moves elements under its lock: T's move constructor must be noexcept (or use std::unique_ptr<T>)");
  static_assert(std::is_nothrow_destructible_v<T>);

 public:
  explicit chan_core(std::size_t cap) : chan_base(cap), ring_(allocate(cap)) {}
  ~chan_core() override {
    for (; count > 0; --count) std::destroy_at(take_head());
    if (ring_ != nullptr) ::operator delete(ring_, std::align_val_t{alignof(T)});
  }

  /// With the lock held and not closed. False: nobody can take the value now. `wake` is to be readied
  /// after unlocking if not null.
  bool send_locked(T& value, queued_waiter*& wake) noexcept {
    if ((wake = receivers.pop_claimed()) != nullptr) {
      static_cast<std::optional<T>*>(wake->slot)->emplace(std::move(value));
      wake->ok = true;
      return true;
    }
    if (count == capacity) return false;
    std::construct_at(slot((head_ + count) % capacity), std::move(value));
    ++count;
    return true;
  }

  /// With the lock held. False: nothing there. True with `out` empty: closed and drained.
  bool recv_locked(std::optional<T>& out, queued_waiter*& wake) noexcept {
    wake = nullptr;
    if (count > 0) {
      T* element = take_head();
      out.emplace(std::move(*element));
      std::destroy_at(element);
      --count;
      // A blocked sender's value moves up into the freed slot, which keeps the order FIFO.
      if ((wake = senders.pop_claimed()) != nullptr) {
        std::construct_at(slot((head_ + count) % capacity), std::move(*static_cast<T*>(wake->slot)));
        wake->ok = true;
        ++count;
      }
      return true;
    }
    if ((wake = senders.pop_claimed()) != nullptr) {
      out.emplace(std::move(*static_cast<T*>(wake->slot)));
      wake->ok = true;
      return true;
    }
    return closed;
  }

  std::error_code send(T& value, const until& u) noexcept {
    lock.lock();
    if (closed) {
      lock.unlock();
      return errc::closed;
    }
    queued_waiter* wake = nullptr;
    if (send_locked(value, wake)) {
      lock.unlock();
      if (wake != nullptr) wake->tok.ready();
      return {};
    }
    waiting wait(u);
    queued_waiter me{.tok = wait.token(), .slot = &value};
    senders.push_back(me);
    lock.unlock();
    return finish(wait.park(wait_reason::chan_send, this), senders, me);
  }

  /// Success with `out` filled, or the error.
  std::error_code recv(std::optional<T>& out, const until& u) noexcept {
    lock.lock();
    queued_waiter* wake = nullptr;
    if (recv_locked(out, wake)) {
      lock.unlock();
      if (wake != nullptr) wake->tok.ready();
      if (!out) return errc::closed;
      return {};
    }
    waiting wait(u);
    queued_waiter me{.tok = wait.token(), .slot = &out};
    receivers.push_back(me);
    lock.unlock();
    return finish(wait.park(wait_reason::chan_receive, this), receivers, me);
  }

  std::error_code try_send(T& value) noexcept {
    lock.lock();
    if (closed) {
      lock.unlock();
      return errc::closed;
    }
    queued_waiter* wake = nullptr;
    const bool sent = send_locked(value, wake);
    lock.unlock();
    if (wake != nullptr) wake->tok.ready();
    if (!sent) return errc::would_block;
    return {};
  }

  std::error_code try_recv(std::optional<T>& out) noexcept {
    lock.lock();
    queued_waiter* wake = nullptr;
    const bool received = recv_locked(out, wake);
    lock.unlock();
    if (wake != nullptr) wake->tok.ready();
    if (!received) return errc::would_block;
    if (!out) return errc::closed;
    return {};
  }

 private:
  static T* allocate(std::size_t cap) {
    if (cap == 0) return nullptr;
    // Also catches a negative number that was converted to std::size_t.
    if (cap > static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()) / sizeof(T)) {
      throw std::length_error("weft::chan: capacity is negative or too large");
    }
    return static_cast<T*>(::operator new(cap * sizeof(T), std::align_val_t{alignof(T)}));
  }
  T* slot(std::size_t i) noexcept { return ring_ + i; }
  T* take_head() noexcept {
    T* element = slot(head_);
    head_ = (head_ + 1) % capacity;
    return element;
  }
  std::error_code finish(wake how, waiter_queue& queue, queued_waiter& me) noexcept {
    if (how == wake::object) {
      if (!me.ok) return errc::closed;
      return {};
    }
    lock.lock();
    queue.remove(me);
    lock.unlock();
    return to_error(how);
  }

  T* const ring_;
  std::size_t head_ = 0;  // under lock
};

}  // namespace weft::inline v0::detail
