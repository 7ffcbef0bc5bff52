// SPDX-License-Identifier: Apache-2.0
// weft/signal.hpp: one signalfd and one fiber a run, however many channels there are, because a pending signal can be
// read only once and each channel that asked for it is to get it.
//
// A full channel never holds up the others: what does not fit is remembered, one bit a signal, and a fiber of that
// channel's own sends it when there is room. So at least one of each comes through, as with the kernel's pending set.
#include <weft/signal.hpp>

#include <algorithm>
#include <bit>
#include <csignal>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#include <weft/error.hpp>
#include <weft/go.hpp>
#include <weft/sync.hpp>
#include <weft/this_fiber.hpp>

#include "netpoll/descriptor.hpp"
#include "runtime/os/epoll.hpp"
#include "runtime/os/signal.hpp"
#include "runtime/sched/monitor_signals.hpp"

namespace weft::inline v0 {

namespace {

using netpoll::descriptor;

/// Signals 1 to 64 as bits.
using signal_set = std::uint64_t;
constexpr signal_set bit(int signal) noexcept {
  return signal_set{1} << (signal - 1);
}

sigset_t to_kernel(signal_set s) noexcept {
  sigset_t out;
  ::sigemptyset(&out);
  for (; s != 0; s &= s - 1) ::sigaddset(&out, std::countr_zero(s) + 1);
  return out;
}

bool can_be_taken(int signal) noexcept {
  if (signal < 1 || signal > SIGRTMAX) return false;
  if (signal >= 32 && signal < SIGRTMIN) return false;  // the C library's own
  switch (signal) {
    case SIGKILL:
    case SIGSTOP:
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGTRAP:
    case SIGABRT:
    case SIGSYS:
      return false;
    default:
      return true;
  }
}

// All below is under this lock, which is held for moments only.
constinit mutex hub_lock;

struct subscriber {
  chan<int> out{std::size_t{16}};
  signal_set wanted = 0;
  signal_set owed = 0;
  bool flushing = false;
};

struct hub {
  descriptor* signals = nullptr;
  signal_set wanted = 0;
  std::vector<std::shared_ptr<subscriber>> subscribers;
};

/// The run's, made with its first channel and ended by its own fiber.
constinit hub* the_hub = nullptr;

/// Sends what is owed; waits for room.
void flush(const std::shared_ptr<subscriber>& s) {
  for (;;) {
    int next = 0;
    {
      std::lock_guard hold(hub_lock);
      if (s->owed == 0) {
        s->flushing = false;
        return;
      }
      next = std::countr_zero(s->owed) + 1;
      s->owed &= s->owed - 1;
    }
    if (s->out.send(next)) return;  // the run ends, or the channel was closed: no more is sent to it
  }
}

/// False if the channel is closed.
bool send_to(const std::shared_ptr<subscriber>& s, int signal) {
  if (s->owed == 0) {
    const auto ec = s->out.try_send(signal);
    if (ec != errc::would_block) return !ec;
  }
  s->owed |= bit(signal);
  if (!s->flushing) {
    // If there is no memory for the fiber, the next signal tries again.
    s->flushing = !weft::try_go([s] { flush(s); }, {.name = "weft.signals.flush"});
  }
  return true;
}

void distribute(hub& h, int signal) {
  std::lock_guard hold(hub_lock);
  std::erase_if(h.subscribers,
                [signal](const auto& s) { return (s->wanted & bit(signal)) != 0 && !send_to(s, signal); });
}

void close_channels(hub& h) {
  for (const auto& s : h.subscribers) {
    try {
      s->out.close();
    } catch (const std::logic_error&) {
      // The user has closed it.
    }
  }
}

/// The fiber "weft.signals".
void read_signals(std::unique_ptr<hub> h) {
  for (;;) {
    const auto signal = h->signals->read_signal({});
    if (!signal) break;  // cancelled: the run ends
    distribute(*h, *signal);
  }
  {
    std::lock_guard hold(hub_lock);
    the_hub = nullptr;
  }
  close_channels(*h);
  netpoll::close_handle(h->signals);
}

/// Under the lock. Makes the run's hub, which reads no signal yet.
std::error_code start_hub() {
  auto made = std::make_unique<hub>();
  const int fd = rt::os::signalfd_create(to_kernel(0));
  if (fd < 0) return {-fd, std::system_category()};
  const auto d = descriptor::open(fd, netpoll::short_transfer::says_nothing);
  if (!d) {
    rt::os::close_fd(fd);
    return d.error();
  }
  made->signals = *d;
  auto body = [h = made.get()] { read_signals(std::unique_ptr<hub>(h)); };
  if (auto ec = weft::try_go(std::move(body), {.name = "weft.signals"})) {
    netpoll::close_handle(*d);
    return ec;
  }
  the_hub = made.release();  // the fiber's, which takes the lock before it ends
  return {};
}

}  // namespace

std::expected<chan<int>, std::error_code> notify_signals(std::initializer_list<int> signals) {
  if (this_fiber::id() == 0) return std::unexpected(make_error_code(errc::not_running));
  if (!std::ranges::all_of(signals, can_be_taken)) {
    return std::unexpected(std::make_error_code(std::errc::invalid_argument));
  }
  auto s = std::make_shared<subscriber>();
  for (const int signal : signals) s->wanted |= bit(signal);

  std::lock_guard hold(hub_lock);
  if (the_hub == nullptr) {
    if (auto ec = start_hub()) return std::unexpected(ec);
  }
  hub& h = *the_hub;
  h.subscribers.push_back(s);
  const int e =
      h.signals->with_fd([&](int fd) { return rt::os::signalfd_change(fd, to_kernel(h.wanted | s->wanted)); });
  if (e < 0) {
    h.subscribers.pop_back();
    return std::unexpected(std::error_code(-e, std::system_category()));
  }
  h.wanted |= s->wanted;
  // Last, so that an error above leaves the signals as they were.
  rt::block_signals_on_monitor(to_kernel(s->wanted));
  return s->out;
}

}  // namespace weft::inline v0
