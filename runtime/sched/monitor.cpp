// SPDX-License-Identifier: Apache-2.0
// The monitor: the thread that called run(). It runs no fibers and holds no P; it does what Go's sysmon does,
// and, since it is the caller, looks after the end of the run and the process's signals.
//
// While any P is busy it looks every 10 ms: polls if nobody has for 10 ms (all Ps may be in long computations),
// counts fibers that wait beside an idle P, gives cold stacks' memory back. When all Ps are idle it sleeps deep;
// who takes the first P wakes it (leaving_idleness). Dekker again: the monitor sets monitor_deep_ (seq_cst RMW),
// then looks at the idle word; the other side changes the idle word (seq_cst RMW), then loads monitor_deep_.
#include <algorithm>
#include <new>
#include <string>
#include <system_error>

#include "runtime/os/fatal.hpp"
#include "runtime/os/futex.hpp"
#include "runtime/os/thread.hpp"
#include "runtime/sched/entry.hpp"
#include "runtime/sched/monitor_signals.hpp"
#include "runtime/trace/dump.hpp"

namespace weft::inline v0::rt {

std::atomic<bool> rescue_enabled{true};

namespace {

using namespace std::chrono_literals;

constexpr auto period = 10ms;
constexpr std::size_t trims_per_look = 256;

}  // namespace

scheduler::scheduler(scheduler_options o, std::unique_ptr<poller> net)
    : options_(std::move(o)), net_(std::move(net)), root_(context_node::make(nullptr, clock::time_point::max())) {
  ps_.reserve(options_.procs);
  for (std::uint32_t i = 0; i < options_.procs; ++i) ps_.push_back(std::make_unique<P>(i));
  ::sigemptyset(&signals_wanted_);
  // All Ps are idle until somebody takes them. Before the run is published: from then on plain threads may.
  for (auto& p : ps_) {
    mask_.set(p->id);
    idle_.enter(false);
  }
}

scheduler::~scheduler() {
  detail::release(root_);
}

void scheduler::wake_monitor() noexcept {
  monitor_word_.fetch_add(1, std::memory_order_seq_cst);
  os::futex_wake(&monitor_word_, 1);
}

void scheduler::leaving_idleness() noexcept {
  if (monitor_deep_.load(std::memory_order_seq_cst) && monitor_deep_.exchange(false, std::memory_order_seq_cst))
    wake_monitor();
}

void scheduler::run(void (*main_body)(void*), void* argument, const std::source_location& where) {
  const spawn_options main_options{.name = "main"};
  struct closure {
    scheduler* s;
    void (*body)(void*);
    void* argument;
  };
  auto fiber = make(nullptr, main_options, where, sizeof(closure), alignof(closure), nullptr);
  if (fiber.error) throw std::bad_alloc();
  ::new (fiber.closure) closure{this, main_body, argument};

  sigset_t none, mask_before;
  ::sigemptyset(&none);
  os::block_signals(none, &mask_before);
  start(
      nullptr, fiber,
      [](void* p) {
        auto& c = *static_cast<closure*>(p);
        c.body(c.argument);
        c.s->main_done_.store(true, std::memory_order_seq_cst);
        c.s->wake_monitor();
      },
      place::tail);
  bool none_made;
  {
    std::lock_guard hold(threads_lock_);
    none_made = ms_.empty();
    if (none_made) stopping_.store(true, std::memory_order_seq_cst);  // nor will one be
  }
  if (none_made) {
    throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again),
                            "weft: no thread could be made");
  }
  monitor();
  stop_all();
  for (auto& p : ps_) p->timers.close();
  os::restore_signals(mask_before);
}

void scheduler::monitor() noexcept {
  clock::time_point drain_until = clock::time_point::max();
  for (;;) {
    const std::uint32_t seen = monitor_word_.load(std::memory_order_seq_cst);
    apply_signal_request();
    if (main_done_.load(std::memory_order_seq_cst) && !ending_) {
      ending_ = true;
      cancel_all();
      if (options_.drain.count() > 0) drain_until = detail::deadline_after(options_.drain);
    }
    if (ending_) {
      std::uint64_t nobody = 0;
      if (live_.compare_exchange_strong(nobody, closed_bit, std::memory_order_acq_rel)) return;
      if (clock::now() >= drain_until) {
        os::print_error("weft: main has returned, but these fibers did not end within options::drain:\n" + dump());
        os::exit_process(3);
      }
    }
    const bool quiet = idle_.load().idle == ps_.size();
    if (quiet && maybe_deadlocked_.load(std::memory_order_relaxed)) check_deadlock();
    const auto now = clock::now();
    if (!quiet) tick(now);
    const bool cold_left = stacks_.trim(trims_per_look) != 0;
    const bool suspicious = maybe_deadlocked_.load(std::memory_order_relaxed);

    auto until = std::min(drain_until, now + (quiet && suspicious ? next_suspicion_ : period));
    if (quiet && !cold_left && !suspicious) {
      monitor_deep_.exchange(true, std::memory_order_seq_cst);
      if (idle_.load().idle == ps_.size()) until = drain_until;
    }
    os::futex_wait(monitor_word_, seen, until);
    monitor_deep_.store(false, std::memory_order_seq_cst);
  }
}

void scheduler::tick(clock::time_point now) noexcept {
  if (net_->waiters() > 0 && now.time_since_epoch().count() - last_poll_.load(std::memory_order_relaxed) >=
                                 std::chrono::nanoseconds(period).count()) {
    poll_now(nullptr);
  }
  // A fiber waits beside an idle P, nobody searches and no wake is on its way (a woken M counts as a searcher), at two
  // looks in a row with nothing taken from that queue in between: the wake-up protocol has failed. Never seen, and
  // counted, so that it would be; and mended.
  const sighting seen = find_stranded();
  if (seen.queue != nullptr && seen.queue == stranded_.queue && seen.fingerprint == stranded_.fingerprint) {
    counters_.runnable_but_idle.fetch_add(1, std::memory_order_relaxed);
    if (rescue_enabled.load(std::memory_order_relaxed)) wake_one();
  }
  stranded_ = seen;
}

scheduler::sighting scheduler::find_stranded() noexcept {
  const auto idle = idle_.load();
  if (idle.idle == 0 || idle.searchers != 0) return {};
  sighting seen;
  if (!global_.empty()) {
    seen = {&global_, global_.taken()};
  } else {
    for (const auto& p : ps_) {
      if (!p->queue.empty()) seen = {p.get(), p->queue.fingerprint()};
    }
  }
  if (seen.queue == nullptr) return {};
  // Whoever is in the middle of publishing, re-checking or searching may have been stopped there by the kernel, and
  // will see to it when it goes on.
  if (run_pins() != 0) return {};
  std::lock_guard hold(threads_lock_);
  for (const auto& m : ms_) {
    if (m->deciding.load(std::memory_order_relaxed)) return {};
  }
  return seen;
}

void scheduler::cancel_all() noexcept {
  root_canceled_.store(true, std::memory_order_seq_cst);
  root_->cancel(detail::wake::canceled);
  stacks_.for_each([](G& g) {
    if (g.status.load(std::memory_order_seq_cst) == g_status::dead) return;
    if (detail::interrupt(g, detail::wake::canceled)) detail::ticket::ready(&g);
  });
}

void scheduler::block_signals(const sigset_t& signals) noexcept {
  std::uint32_t turn;
  {
    std::lock_guard hold(signals_lock_);
    for (int s = 1; s < NSIG; ++s) {
      if (::sigismember(&signals, s) == 1) ::sigaddset(&signals_wanted_, s);
    }
    turn = signals_asked_.fetch_add(1, std::memory_order_seq_cst) + 1;
  }
  wake_monitor();
  for (;;) {
    const std::uint32_t done = signals_done_.load(std::memory_order_acquire);
    if (static_cast<std::int32_t>(done - turn) >= 0) return;
    os::futex_wait(signals_done_, done);
  }
}

void scheduler::apply_signal_request() noexcept {
  if (signals_done_.load(std::memory_order_relaxed) == signals_asked_.load(std::memory_order_seq_cst)) return;
  std::lock_guard hold(signals_lock_);
  os::block_signals(signals_wanted_, nullptr);
  signals_done_.store(signals_asked_.load(std::memory_order_relaxed), std::memory_order_release);
  os::futex_wake(&signals_done_, INT32_MAX);
}

stats scheduler::read_stats() const noexcept {
  stats s;
  for (const auto& p : ps_) {
    s.spawned += p->spawned.load(std::memory_order_relaxed);
    s.schedules += p->schedules.load(std::memory_order_relaxed);
    s.steals += p->steals.load(std::memory_order_relaxed);
    s.stolen += p->stolen.load(std::memory_order_relaxed);
  }
  s.spawned += counters_.spawned_outside.load(std::memory_order_relaxed);
  s.wakeups = counters_.wakeups.load(std::memory_order_relaxed);
  s.handoffs = counters_.handoffs.load(std::memory_order_relaxed);
  s.threads_created = counters_.threads_created.load(std::memory_order_relaxed);
  s.threads = s.threads_created;
  s.netpolls = counters_.netpolls.load(std::memory_order_relaxed);
  s.runnable_but_idle = counters_.runnable_but_idle.load(std::memory_order_relaxed);
  return s;
}

std::string scheduler::dump() {
  std::vector<trace::fiber_record> fibers;
  stacks_.for_each([&](G& g) {
    const std::uint64_t id = g.id.load(std::memory_order_acquire);
    const g_status status = g.status.load(std::memory_order_acquire);
    if (status == g_status::dead) return;
    trace::fiber_record r;
    r.id = id;
    r.name = g.get_name().text;
    switch (status) {
      case g_status::running:
        r.state = "running";
        break;
      case g_status::waiting:
        r.state = to_string(g.reason.load(std::memory_order_relaxed));
        break;
      default:
        r.state = "runnable";
        break;
    }
    const auto where = g.where.load(std::memory_order_acquire);
    r.site = std::string(where.file_name()) + ":" + std::to_string(where.line());
    if (g.id.load(std::memory_order_acquire) == id) fibers.push_back(std::move(r));
  });
  return trace::format(std::move(fibers));
}

void block_signals_on_monitor(const sigset_t& signals) noexcept {
  if (M* m = current_m(); m != nullptr) m->sched->block_signals(signals);
}

}  // namespace weft::inline v0::rt
