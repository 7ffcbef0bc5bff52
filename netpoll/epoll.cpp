// SPDX-License-Identifier: Apache-2.0
// epoll, edge-triggered, each descriptor registered once for life and for both directions: no epoll_ctl per
// operation, and an event that nobody waits for costs nothing more. What an event means is in descriptor.cpp.
//
// Wake-up. One thread at a time may *wait* here (any number may look without waiting meanwhile). wake() must end its
// wait, or the next one, and must be cheap when there is nothing to end. Two flags and an eventfd:
//
//   wake()                                     the waiting poll
//   W1 pending: exchange to true;              P1 waiting: exchange to true
//      it was true: done                       P2 pending? then do not sleep
//   W2 waiting? then signal the eventfd        P3 epoll_wait
//                                              P4 waiting = false; pending: exchange to false
//
// W1/W2 and P1/P2 are each a write and then a read of the other's word, all sequentially consistent: W2 reads true or
// P2 reads true, so no wake is lost. A waker that finds `pending` set is done, because whoever set it either signals
// or set it while nobody slept; and P4's exchange acquires what *every* waker wrote before its W1 (they form a
// release sequence), so the caller of poll() sees it.
//
// The eventfd is edge-triggered and never read: each signal is an edge of its own. A poll that does not wait may
// take that edge from the one that does. It then signals again while somebody waits and a wake is pending: an edge
// goes on until the waiting poll has it. (Go's is level-triggered, so every look without waiting harvests it, and
// the sleeper must read it: one system call more for each wake.) An edge that arrives late, after P4, makes the next
// wait see one event for nothing; it goes on waiting.
#include "netpoll/epoll.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <system_error>

#include "netpoll/backend.hpp"
#include "netpoll/current.hpp"
#include "netpoll/descriptor.hpp"
#include "runtime/os/epoll.hpp"
#include "runtime/os/fatal.hpp"

namespace weft::inline v0::netpoll {

namespace {

using rt::ready_list;
namespace os = rt::os;

std::system_error kernel_error(int negated, const char* what) {
  return {std::error_code(-negated, std::system_category()), what};
}

class epoll_poller final : public backend {
 public:
  epoll_poller() {
    epoll_ = os::epoll_create();
    if (epoll_ < 0) throw kernel_error(epoll_, "weft: epoll_create1");
    wake_ = os::eventfd_create();
    int e = wake_;
    if (e >= 0) e = os::epoll_add(epoll_, wake_, EPOLLIN | EPOLLET, wake_key);
    if (e < 0) {
      close_all();
      throw kernel_error(e, "weft: eventfd");
    }
  }
  ~epoll_poller() override { close_all(); }
  epoll_poller(const epoll_poller&) = delete;
  epoll_poller& operator=(const epoll_poller&) = delete;

  int poll(clock::time_point deadline, ready_list& out) noexcept override {
    if (deadline == clock::time_point::min()) return collect(deadline, out, false).events;
    for (;;) {
      waiting_.exchange(true, std::memory_order_seq_cst);                                      // P1
      const bool no_sleep = pending_.load(std::memory_order_seq_cst);                          // P2
      const harvest got = collect(no_sleep ? clock::time_point::min() : deadline, out, true);  // P3
      waiting_.store(false, std::memory_order_seq_cst);                                        // P4
      const bool woken = pending_.exchange(false, std::memory_order_acq_rel);
      // Only an edge that came too late for its wait: sleep on, unless the deadline has come.
      if (got.events == 0 && got.wake_edge && !woken && clock::now() < deadline) continue;
      return got.events;
    }
  }

  void wake() noexcept override {
    if (pending_.exchange(true, std::memory_order_seq_cst)) return;  // W1
    if (waiting_.load(std::memory_order_seq_cst)) signal();          // W2
  }

  std::int64_t waiters() const noexcept override { return waits_in_progress(); }

  std::error_code add(int fd, std::uint64_t key) noexcept override {
    // PRI: urgent data cuts a read short although there is more, see descriptor.cpp.
    const int e = os::epoll_add(epoll_, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET, key);
    return {-e, std::system_category()};
  }

  // Closing the last descriptor of a socket would do it, too, but a forked child may hold another one. That it is not
  // registered any more (ENOENT, EBADF) is what we want.
  void remove(int fd) noexcept override { (void)os::epoll_remove(epoll_, fd); }

 private:
  static constexpr std::uint64_t wake_key = ~std::uint64_t{0};  // no descriptor has the last index
  static constexpr int batch = 256;

  struct harvest {
    int events = 0;  ///< without wake-ups
    bool wake_edge = false;
  };

  harvest collect(clock::time_point deadline, ready_list& out, bool for_wake) noexcept {
    std::array<epoll_event, batch> events;
    const int n = os::epoll_wait(epoll_, events.data(), batch, deadline);
    if (n < 0) rt::os::fatal("epoll_wait failed: somebody closed a file descriptor that is weft's");
    harvest got;
    for (int i = 0; i < n; ++i) {
      const epoll_event& e = events[static_cast<std::size_t>(i)];
      if (e.data.u64 == wake_key) {
        got.wake_edge = true;
      } else {
        ++got.events;
        deliver(e.data.u64, e.events, out);
      }
    }
    const bool took_it = got.wake_edge && !for_wake;
    if (took_it && waiting_.load(std::memory_order_seq_cst) && pending_.load(std::memory_order_seq_cst)) signal();
    return got;
  }

  void signal() noexcept {
    // EAGAIN would mean 2^64 signals.
    if (os::eventfd_signal(wake_) != 0) rt::os::fatal("eventfd: somebody closed a file descriptor that is weft's");
  }

  void close_all() noexcept {
    if (wake_ >= 0) os::close_fd(wake_);
    if (epoll_ >= 0) os::close_fd(epoll_);
  }

  int epoll_ = -1;
  int wake_ = -1;
  alignas(64) std::atomic<bool> pending_{false};
  std::atomic<bool> waiting_{false};
};

}  // namespace

std::unique_ptr<rt::poller> make_epoll_poller() {
  return std::make_unique<epoll_poller>();
}

}  // namespace weft::inline v0::netpoll
