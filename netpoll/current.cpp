// SPDX-License-Identifier: Apache-2.0
#include "netpoll/current.hpp"

#include <atomic>
#include <mutex>
#include <shared_mutex>

#include <weft/error.hpp>

#include "netpoll/backend.hpp"
#include "netpoll/descriptor.hpp"

namespace weft::inline v0::netpoll {

namespace {

// Held shared over epoll_ctl, so that a plain thread cannot register with a poller that is being destroyed, or with
// the next owner of its descriptor's number. Nothing parks under it; it is exclusive twice a run.
constinit std::shared_mutex poller_lock;
constinit backend* poller = nullptr;
constinit std::uint64_t last_epoch = 0;
constinit std::atomic<std::uint64_t> current_epoch{0};

alignas(64) constinit std::atomic<std::int64_t> waits{0};

}  // namespace

void set_current(rt::poller* p) noexcept {
  {
    std::unique_lock hold(poller_lock);
    poller = static_cast<backend*>(p);
    current_epoch.store(p != nullptr ? ++last_epoch : 0, std::memory_order_seq_cst);
  }
  // A thread that is about to wait either reads the new epoch under its side's lock, or has published its ticket
  // there before this takes that lock.
  if (p == nullptr) wake_everybody();
}

rt::poller* current() noexcept {
  std::shared_lock hold(poller_lock);
  return poller;
}

std::uint64_t epoch() noexcept {
  return current_epoch.load(std::memory_order_acquire);
}

std::error_code watch(int fd, std::uint64_t key, std::uint64_t& in_epoch) noexcept {
  std::shared_lock hold(poller_lock);
  if (poller == nullptr) return errc::not_running;
  in_epoch = current_epoch.load(std::memory_order_relaxed);
  return poller->add(fd, key);
}

void unwatch(int fd, std::uint64_t in_epoch) noexcept {
  std::shared_lock hold(poller_lock);
  if (poller != nullptr && current_epoch.load(std::memory_order_relaxed) == in_epoch) poller->remove(fd);
}

std::int64_t waits_in_progress() noexcept {
  return waits.load(std::memory_order_seq_cst);
}
void wait_begins() noexcept {
  waits.fetch_add(1, std::memory_order_seq_cst);
}
void wait_ended() noexcept {
  waits.fetch_sub(1, std::memory_order_seq_cst);
}

}  // namespace weft::inline v0::netpoll
