// SPDX-License-Identifier: Apache-2.0
// One wait: armed with what else may end it (a deadline, contexts, a stop token), parked, disarmed.
#include <algorithm>
#include <optional>
#include <stop_token>

#include <weft/error.hpp>

#include "runtime/fiber/g.hpp"
#include "runtime/os/futex.hpp"
#include "runtime/sched/entry.hpp"
#include "runtime/sched/permit.hpp"

namespace weft::inline v0::detail {

namespace {

constexpr std::uint64_t open_plain = 1;
constexpr std::uint64_t open_interruptible = 2;
constexpr std::uint64_t state_mask = 0xff;
constexpr std::uint64_t one_wait = 0x100;
constexpr std::uint64_t claimed_base = 16;

wake winner(const parker& p) noexcept {
  return static_cast<wake>((p.word.load(std::memory_order_acquire) & state_mask) - claimed_base);
}

// Whoever requests stop claims the wait.
struct stop_claimer {
  ticket tok;
  void operator()() const noexcept {
    if (tok.claim(wake::canceled)) tok.ready();
  }
};

void park_thread(parker& self, const ticket& tok, clock::time_point deadline) noexcept {
  using permit = rt::park_permit<std::atomic<std::uint32_t>>;
  while (!permit::consume(self.permit)) {
    const bool in_time = rt::os::futex_wait(self.permit, permit::none, deadline);
    if (!in_time && tok.claim(wake::timed_out)) return;
    if (!in_time) deadline = clock::time_point::max();  // somebody else won: the permit is on its way
  }
}

}  // namespace

waiting::waiting(const until& u) noexcept : until_(u) {
  rt::M* m = rt::current_m();
  G* g = m != nullptr ? m->curg : nullptr;
  who_ = g != nullptr ? g : &thread_;
  const bool interruptible = g != nullptr && u.observes_own_context();
  const std::uint64_t last = who_->word.load(std::memory_order_relaxed) & ~state_mask;
  open_ = last + one_wait + (interruptible ? open_interruptible : open_plain);
  // seq_cst RMW: then the fiber looks whether it has been cancelled; see sched/cancel.hpp.
  who_->word.exchange(open_, std::memory_order_seq_cst);
}

wake waiting::park(wait_reason why, const void* what) noexcept {
  const ticket tok = token();
  G* const g = who_->is_fiber ? static_cast<G*>(who_) : nullptr;

  clock::time_point deadline = until_.deadline();
  wake refused = wake::none;
  if (g != nullptr && until_.observes_own_context()) {
    if (g->canceled.load(std::memory_order_seq_cst)) {
      refused = g->ctx != nullptr ? g->ctx->state() : wake::canceled;
      if (refused == wake::none) refused = wake::canceled;
    }
    if (g->ctx != nullptr) deadline = std::min(deadline, g->ctx->deadline);
  }
  context_node* const ctx = until_.ctx().node();
  if (ctx != nullptr) {
    deadline = std::min(deadline, ctx->deadline);
    if (refused == wake::none) refused = ctx->state();
  }
  if (refused == wake::none && deadline != clock::time_point::max() && deadline <= clock::now())
    refused = wake::timed_out;
  if (refused != wake::none && tok.claim(refused)) return refused;
  // (If the claim failed, the object has won already, and its ready() is to be awaited.)

  context_waiter done{.tok = tok};
  const bool joined = ctx != nullptr && ctx->add_waiter(done);
  if (ctx != nullptr && !joined) {
    // Done meanwhile.
    const wake how = ctx->state();
    if (tok.claim(how)) return how;
  }
  std::optional<std::stop_callback<stop_claimer>> stop;
  if (until_.stop().stop_possible()) stop.emplace(until_.stop(), stop_claimer{tok});

  if (g == nullptr) {
    park_thread(*who_, tok, deadline);
  } else {
    g->reason.store(why, std::memory_order_relaxed);
    g->waits_for.store(what, std::memory_order_relaxed);
    rt::timer t;
    rt::timer_heap* armed = nullptr;
    if (deadline != clock::time_point::max()) {
      rt::entry e;
      t.when = deadline;
      t.wait = tok;
      armed = e.sched()->arm(e.m(), t);
    }
    rt::scheduler::park(*g);
    g->reason.store(wait_reason::none, std::memory_order_relaxed);
    // Always: a timeout may also have come from the context, with the timer still armed in this frame.
    if (armed != nullptr) armed->remove(t);
  }

  stop.reset();
  if (joined) ctx->remove_waiter(done);
  return winner(*who_);
}

std::error_code to_error(wake w) noexcept {
  switch (w) {
    case wake::timed_out:
      return errc::timed_out;
    case wake::canceled:
      return errc::canceled;
    default:
      return {};
  }
}

}  // namespace weft::inline v0::detail
