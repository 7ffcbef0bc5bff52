// SPDX-License-Identifier: Apache-2.0
// The scheduler of one run: its Ps, Ms, queues and poller. runtime/README.md tells its story; this is the map.
//
//   find.cpp      what an M does for its next fiber: local, global, poller, stealing
//   sleep.cpp     going idle and waking: the idle protocol of idle.hpp applied
//   park.cpp      leaving a fiber's stack and coming back: park, yield, end
//   wait.cpp      one wait with its deadlines and cancellations
//   spawn.cpp     making fibers
//   blocking.cpp  giving P away around a blocking call
//   monitor.cpp   the thread that called run(): sysmon's duties, deadlock, end of the run
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <csignal>

#include <weft/go.hpp>
#include <weft/runtime.hpp>

#include "runtime/fiber/current.hpp"
#include "runtime/fiber/stack_pool.hpp"
#include "runtime/sched/cancel.hpp"
#include "runtime/sched/global_queue.hpp"
#include "runtime/sched/idle.hpp"
#include "runtime/sched/m.hpp"
#include "runtime/sched/p.hpp"
#include "runtime/sched/poller.hpp"

namespace weft::inline v0::rt {

using detail::context_node;

struct scheduler_options {
  std::uint32_t procs = 1;
  std::string procs_reason;
  std::size_t stack_size = 256 * 1024;
  std::chrono::milliseconds drain{10'000};
  std::function<void(std::string_view)> on_deadlock;
};

class scheduler {
 public:
  static constexpr std::uint32_t max_procs = 1024;
  static constexpr std::size_t max_threads = 10'000;  // as Go

  scheduler(scheduler_options o, std::unique_ptr<poller> net);
  ~scheduler();
  scheduler(const scheduler&) = delete;
  scheduler& operator=(const scheduler&) = delete;

  // ---- the run (monitor.cpp) ----
  /// Runs `main_body(argument)` as the main fiber; the calling thread is the monitor until all has ended.
  void run(void (*main_body)(void*), void* argument, const std::source_location& where);
  void block_signals(const sigset_t& signals) noexcept;

  // ---- making fibers (spawn.cpp) ----
  detail::new_fiber make(M* m, const spawn_options& o, const std::source_location& where, std::size_t size,
                         std::size_t align, context_node* ctx) noexcept;
  void start(M* m, detail::new_fiber f, detail::closure_fn body, place where) noexcept;
  void discard(M* m, G& g) noexcept;

  // ---- leaving and resuming fibers (park.cpp) ----
  /// Makes a fiber run: it is in nobody's hands but the caller's. Any thread; `m` is the caller's M or null.
  void enqueue(M* m, G& g, place where) noexcept;
  /// Parks the calling fiber until ticket::ready(); returns at once if that has happened.
  static void park(G& g) noexcept;
  void yield(M& m) noexcept;
  [[noreturn]] static void finish_fiber(G& g);

  // ---- blocking calls (blocking.cpp) ----
  void lend(M& m, G& g) noexcept;
  void regain(M& m, G& g) noexcept;

  // ---- timers ----
  /// Arms a timer, for whoever calls: on its P's heap, or on some other's.
  timer_heap* arm(M* m, timer& t) noexcept;

  /// The body of each M's thread.
  void loop(M& m) noexcept;

  // ---- looking in ----
  [[nodiscard]] std::uint32_t procs() const noexcept { return static_cast<std::uint32_t>(ps_.size()); }
  [[nodiscard]] const std::string& procs_reason() const noexcept { return options_.procs_reason; }
  [[nodiscard]] std::size_t live() const noexcept { return live_.load(std::memory_order_relaxed) & ~closed_bit; }
  [[nodiscard]] stats read_stats() const noexcept;
  [[nodiscard]] std::string dump();
  [[nodiscard]] context_node* root() const noexcept { return root_; }

 private:
  friend struct commits;
  struct collector;

  // find.cpp
  G* find_runnable(M& m) noexcept;
  G* found(M& m, G* g) noexcept;
  G* next_local(P& p) noexcept;
  G* take_global(P& p) noexcept;
  G* search(M& m) noexcept;
  G* steal(P& thief, P& victim, bool last_round) noexcept;
  void visit(P& p, clock::time_point now) noexcept;
  void end_search(M& m) noexcept;
  void run_timers(M& m, timer_heap& heap, clock::time_point now) noexcept;
  bool poll_now(M* m) noexcept;
  void inject(M* m, collector& c) noexcept;
  void push_tail(P& p, G& g) noexcept;

  // sleep.cpp
  void go_idle(M& m) noexcept;
  void sleep(M& m) noexcept;
  bool sleep_in_poller(M& m) noexcept;
  void take_p(M& m, bool searching) noexcept;
  bool accept_handed(M& m) noexcept;
  void enlist(M& m) noexcept;
  bool delist(M& m) noexcept;
  void unlink(M& m) noexcept;
  void wake_if_wanted() noexcept;
  void wake_one() noexcept;
  void wake_with(P& claimed) noexcept;
  bool anybody_sleeps() noexcept;
  bool give(P& p, bool searching) noexcept;
  bool start_m(P& p, bool searching) noexcept;
  [[nodiscard]] bool work_visible() const noexcept;
  [[nodiscard]] std::int64_t earliest_timer() const noexcept;
  [[nodiscard]] bool poller_unattended() const noexcept;
  void suspect_deadlock() noexcept;
  void leaving_idleness() noexcept;
  void stop_all() noexcept;

  // park.cpp
  using commit_fn = void (*)(M&, G&) noexcept;
  static void leave(M& m, G& g, commit_fn commit, bool ends = false) noexcept;
  static G* pick_fast(M& m) noexcept;
  static void enter_fiber(boost::context::detail::transfer_t t);

  // spawn.cpp
  G* take_dead(M* m, int cls) noexcept;
  void put_dead(M* m, G& g) noexcept;
  bool count_in() noexcept;
  void count_out() noexcept;

  // blocking.cpp
  bool hand_off(P& p) noexcept;

  // monitor.cpp
  void wake_monitor() noexcept;
  void monitor() noexcept;
  void tick(clock::time_point now) noexcept;
  void cancel_all() noexcept;
  void apply_signal_request() noexcept;
  void check_deadlock() noexcept;
  enum class verdict : std::uint8_t { alive, too_early, not_alone, deadlocked };
  [[nodiscard]] verdict judge_deadlock() noexcept;

  static constexpr std::uint64_t closed_bit = std::uint64_t{1} << 63;
  static constexpr std::int64_t nobody_polls = INT64_MIN;

  const scheduler_options options_;
  const std::unique_ptr<poller> net_;
  stack_pool stacks_;
  std::vector<std::unique_ptr<P>> ps_;
  global_queue global_;

  // The idle protocol, idle.hpp.
  idle_state idle_;
  idle_mask<max_procs / 64> mask_;

  // Who sleeps. An M that sleeps is in the list or in the poller, or has been handed a P.
  std::mutex sleepers_lock_;
  M* idle_list_ = nullptr;  // LIFO: the last to sleep has the warmest caches
  std::size_t sleeping_ = 0;
  std::atomic<M*> in_poller_{nullptr};  // changes under sleepers_lock_
  std::atomic<std::int64_t> poll_until_{nobody_polls};
  std::atomic<bool> polling_{false};  // a poll that does not wait is going on
  std::atomic<std::int64_t> last_poll_{0};

  std::mutex threads_lock_;
  std::vector<std::unique_ptr<M>> ms_;

  context_node* root_;
  std::atomic<bool> root_canceled_{false};
  std::atomic<std::uint64_t> live_{0};  // fibers, and closed_bit once none may be added
  std::atomic<std::uint32_t> lent_{0};  // Ms that run a fiber inside blocking(), without a P
  std::atomic<bool> stopping_{false};

  // The monitor's.
  std::atomic<std::uint32_t> monitor_word_{0};
  std::atomic<bool> monitor_deep_{false};
  std::atomic<bool> main_done_{false};
  std::atomic<bool> maybe_deadlocked_{false};
  std::chrono::milliseconds next_suspicion_{1};
  bool ending_ = false;
  struct sighting {
    const void* queue = nullptr;  ///< where a fiber waited; null: none did
    std::uint64_t fingerprint = 0;
  };
  [[nodiscard]] sighting find_stranded() noexcept;
  sighting stranded_;
  std::mutex signals_lock_;
  sigset_t signals_wanted_{};
  std::atomic<std::uint32_t> signals_asked_{0};
  std::atomic<std::uint32_t> signals_done_{0};

  mutable struct {
    std::atomic<std::uint64_t> wakeups{0};
    std::atomic<std::uint64_t> handoffs{0};
    std::atomic<std::uint64_t> threads_created{0};
    std::atomic<std::uint64_t> netpolls{0};
    std::atomic<std::uint64_t> runnable_but_idle{0};
    std::atomic<std::uint64_t> spawned_outside{0};
  } counters_;
};

/// The state of the process that tests switch.
extern std::atomic<bool> rescue_enabled;

}  // namespace weft::inline v0::rt
