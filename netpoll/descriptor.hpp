// SPDX-License-Identifier: Apache-2.0
// A descriptor: a file descriptor of the kernel's that fibers wait for. The protocols are in descriptor.cpp.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <system_error>

#include <weft/detail/spinlock.hpp>
#include <weft/detail/wait.hpp>
#include <weft/error.hpp>
#include <weft/sync.hpp>
#include <weft/until.hpp>

#include "runtime/sched/poller.hpp"

namespace weft::inline v0::netpoll {

/// Whether a transfer of less than was asked for means that the kernel has no more (room) until the next event.
enum class short_transfer : bool { says_nothing, means_drained };

class descriptor {
 public:
  explicit descriptor(std::uint32_t index) noexcept : index_(index) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;

  /// Watches `fd`, which must be non-blocking. On success it belongs to the descriptor; on error still to the caller.
  static std::expected<descriptor*, std::error_code> open(int fd, short_transfer s) noexcept;

  /// The close contract, see descriptor.cpp. May park. errc::closed if it was closed before.
  std::error_code close() noexcept;
  /// After close(): the object may become another descriptor.
  void recycle() noexcept;

  // Operations. All may park, take turns per direction, and fail with errc::closed, timed_out, canceled, not_running.

  /// At least one byte; {0, errc::eof} at the end of the stream.
  io_result read(std::span<std::byte> to, const until& u);
  /// At least one byte.
  io_result write_some(std::span<const std::byte> from, const until& u);
  io_result write_all(std::span<const std::byte> from, const until& u);
  /// A connection's socket, non-blocking.
  std::expected<int, std::error_code> accept(const until& u);
  /// Waits for the connect() under way.
  std::error_code finish_connect(const until& u);
  /// From a signalfd.
  std::expected<int, std::error_code> read_signal(const until& u);

  // These do not park.

  void set_read_deadline(clock::time_point t) noexcept { set_deadline(read_, t); }
  void set_write_deadline(clock::time_point t) noexcept { set_deadline(write_, t); }
  /// Calls `f(fd)`, a system call that does not wait, with the fd kept open meanwhile; -EBADF if it is closed.
  template <class F>
  int with_fd(F f) noexcept {
    operation op(*this);
    return op.error() ? -EBADF : f(fd_);
  }
  /// -1 if closed.
  [[nodiscard]] int native_handle() const noexcept;

  /// Generation and index: what its events carry.
  [[nodiscard]] std::uint64_t key() const noexcept {
    return std::uint64_t{generation_.load(std::memory_order_relaxed)} << 32 | index_;
  }

 private:
  friend class slab;
  friend void deliver(std::uint64_t key, std::uint32_t events, rt::ready_list& out) noexcept;
  friend void wake_everybody() noexcept;

  /// One direction. Its fields but `drained` and `turn` are under `lock`.
  struct alignas(64) side {
    detail::spinlock lock;
    bool event = false;    ///< an event came since the last attempt began
    bool hup = false;      ///< no event may come any more although there is something: do not wait for one first
    bool drained = false;  ///< the last attempt took all there was. Belongs to who has the turn
    clock::time_point deadline = clock::time_point::max();
    detail::ticket waiter{};  ///< of who has the turn, while it waits
    mutex turn;               ///< one operation at a time
  };

  /// Holds a reference, so that the fd stays open.
  class operation {
   public:
    explicit operation(descriptor& d) noexcept : d_(d), held_(d.acquire()) {}
    ~operation() {
      if (held_) d_.release();
    }
    operation(const operation&) = delete;
    operation& operator=(const operation&) = delete;
    [[nodiscard]] std::error_code error() const noexcept {
      return held_ ? std::error_code() : make_error_code(errc::closed);
    }

   private:
    descriptor& d_;
    bool held_;
  };

  /// The turn of one side; must be let go before the reference.
  class turn_of {
   public:
    turn_of(side& s, const until& u) noexcept : side_(s), error_(s.turn.lock(u)) {}
    ~turn_of() {
      if (!error_) side_.turn.unlock();
    }
    turn_of(const turn_of&) = delete;
    turn_of& operator=(const turn_of&) = delete;
    [[nodiscard]] std::error_code error() const noexcept { return error_; }

   private:
    side& side_;
    std::error_code error_;
  };

  struct attempted {
    std::int64_t n;
    std::error_code error;
  };

  /// Calls `call(fd)` again and again, and waits in between, until it returns something else than -EAGAIN.
  template <class Call>
  attempted attempt(side& s, const until& u, detail::wait_reason why, Call call);
  /// Before an attempt. `may_call`: whether it makes sense before another event (if it is true already, it stays so).
  std::error_code begin_attempt(side& s, bool& may_call) noexcept;
  /// Until an event has come that no attempt has begun after.
  std::error_code wait_event(side& s, const until& u, detail::wait_reason why) noexcept;
  void note_transfer(side& s, std::int64_t n, std::size_t wanted) noexcept;

  static void set_deadline(side& s, clock::time_point t) noexcept;
  static void wake_waiter(side& s, detail::wake how) noexcept;
  void reset(side& s) noexcept;
  void deliver_to(side& s, std::uint32_t generation, bool hup, rt::ready_list& out) noexcept;

  [[nodiscard]] bool closing() const noexcept { return (state_.load(std::memory_order_acquire) & closing_bit) != 0; }
  bool acquire() noexcept;
  void release() noexcept;
  void close_fd() noexcept;

  static constexpr std::uint32_t closing_bit = std::uint32_t{1} << 31;

  side read_;
  side write_;
  std::atomic<std::uint32_t> state_{closing_bit};  ///< closing_bit | operations in progress, + 1 until close()
  // Starts near the edge, so that wrapping around is nothing rare.
  std::atomic<std::uint32_t> generation_{0xffff'fffd};
  const std::uint32_t index_;
  int fd_ = -1;
  std::uint64_t epoch_ = 0;
  short_transfer short_ = short_transfer::says_nothing;

  detail::spinlock close_lock_;
  bool fd_closed_ = false;   ///< under close_lock_
  detail::ticket closer_{};  ///< under close_lock_
  descriptor* next_free_ = nullptr;
};

/// An event from a poller: claims the waiters and adds them to `out`. A key of a descriptor that was closed since is
/// nothing to anybody.
void deliver(std::uint64_t key, std::uint32_t events, rt::ready_list& out) noexcept;
/// close(), if the user has not, and recycle(). May park. Null does nothing.
void close_handle(descriptor* d) noexcept;
/// At the end of a run: whoever still waits (plain threads) looks again.
void wake_everybody() noexcept;

template <class Call>
descriptor::attempted descriptor::attempt(side& s, const until& u, detail::wait_reason why, Call call) {
  std::error_code gave_up;
  for (;;) {
    bool may_call = static_cast<bool>(gave_up);
    if (auto ec = begin_attempt(s, may_call)) return {0, ec};
    if (may_call) {
      const std::int64_t n = call(fd_);
      s.drained = n == -EAGAIN;  // any other error said nothing about what is left: EMFILE leaves a connection there
      if (n >= 0) return {n, {}};
      if (!s.drained) return {0, {static_cast<int>(-n), std::system_category()}};
    }
    if (gave_up) return {0, gave_up};
    if (auto ec = wait_event(s, u, why)) {
      // A limit ends waiting, it does not fail what can be done at once. So if the call was left out because of a
      // short transfer before, it is made now: nobody may have polled for events in between.
      if (may_call) return {0, ec};
      gave_up = ec;
    }
  }
}

}  // namespace weft::inline v0::netpoll
