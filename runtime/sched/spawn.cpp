// SPDX-License-Identifier: Apache-2.0
// Making fibers. The closure is built by the caller in the new stack's top, below the G: no allocation.
#include <algorithm>
#include <array>
#include <new>
#include <stdexcept>
#include <string>

#include <weft/error.hpp>

#include "runtime/sched/entry.hpp"

namespace weft::inline v0::rt {

namespace {

// Unique in the process, over all runs.
std::atomic<std::uint64_t> next_fiber_id{1};
constexpr std::uint64_t id_batch = 16;

std::uint64_t take_id(M* m) noexcept {
  if (m == nullptr || m->p == nullptr) return next_fiber_id.fetch_add(1, std::memory_order_relaxed);
  P& p = *m->p;
  if (p.next_id == p.end_id) {
    p.next_id = next_fiber_id.fetch_add(id_batch, std::memory_order_relaxed);
    p.end_id = p.next_id + id_batch;
  }
  return p.next_id++;
}

constexpr std::size_t align_down(std::uintptr_t address, std::size_t align) noexcept {
  return address & ~(align - 1);
}

}  // namespace

G* scheduler::take_dead(M* m, int cls) noexcept {
  P* p = m != nullptr ? m->p : nullptr;
  if (p != nullptr && !p->free_gs[cls].empty()) {
    G* g = p->free_gs[cls].back();
    p->free_gs[cls].pop_back();
    return g;
  }
  // Large stacks are not hoarded.
  constexpr std::size_t large = 1024 * 1024;
  const std::size_t want = p == nullptr || stack_pool::class_size(cls) > large ? 1 : P::free_batch;
  std::array<G*, P::free_batch> batch;
  const std::size_t n = stacks_.get(cls, batch.data(), want);
  if (n == 0) return nullptr;
  // Every G can be in the global queue at once.
  if (stacks_.slots() > global_.capacity()) {
    try {
      global_.reserve(stacks_.slots());
    } catch (const std::bad_alloc&) {
      stacks_.put(cls, batch.data(), n);
      return nullptr;
    }
  }
  if (p != nullptr)
    p->free_gs[cls].insert(p->free_gs[cls].end(), batch.begin() + 1, batch.begin() + static_cast<std::ptrdiff_t>(n));
  return batch[0];
}

void scheduler::put_dead(M* m, G& g) noexcept {
  const int cls = g.stack_class;
  g.status.store(g_status::dead, std::memory_order_relaxed);
  G* one = &g;
  if (m == nullptr || m->p == nullptr) {
    stacks_.put(cls, &one, 1);
    return;
  }
  auto& cache = m->p->free_gs[cls];
  if (cache.size() == 2 * P::free_batch) {
    stacks_.put(cls, cache.data(), P::free_batch);  // the coldest half
    cache.erase(cache.begin(), cache.begin() + P::free_batch);
  }
  cache.push_back(&g);
}

bool scheduler::count_in() noexcept {
  if ((live_.fetch_add(1, std::memory_order_relaxed) & closed_bit) == 0) return true;
  live_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void scheduler::count_out() noexcept {
  // The last one out, after the main fiber, lets the monitor go on.
  if ((live_.fetch_sub(1, std::memory_order_acq_rel) & ~closed_bit) == 1) wake_monitor();
}

detail::new_fiber scheduler::make(M* m, const spawn_options& o, const std::source_location& where, std::size_t size,
                                  std::size_t align, context_node* ctx) noexcept {
  const int cls = stack_pool::class_of(o.stack_size != 0 ? o.stack_size : options_.stack_size);
  if (cls < 0) return {.error = std::make_error_code(std::errc::not_enough_memory)};
  if (!count_in()) return {.error = errc::not_running};
  G* g = take_dead(m, cls);
  if (g == nullptr) {
    count_out();
    return {.error = std::make_error_code(std::errc::not_enough_memory)};
  }
  g->canceled.store(false, std::memory_order_relaxed);
  g->where.store(where, std::memory_order_relaxed);
  g->set_name(o.name);
  g->reason.store(detail::wait_reason::none, std::memory_order_relaxed);
  g->lent = false;
  g->blocking_depth = 0;
  g->id.store(take_id(m), std::memory_order_relaxed);
  if (ctx == nullptr && o.context) ctx = o.context->node();
  g->ctx = ctx;
  if (ctx != nullptr) {
    detail::retain(ctx);
    ctx->add_member(*g);
  }
  reuse_stack(g->stack_low, g->stack_high());
  const std::uintptr_t closure =
      align_down(reinterpret_cast<std::uintptr_t>(g) - size, std::max(align, std::size_t{16}));
  auto* const top = reinterpret_cast<char*>(align_down(closure, 16));
  g->closure = reinterpret_cast<void*>(closure);
  make_execution(g->exec, top, static_cast<std::size_t>(top - g->stack_low), enter_fiber);
  return {.g = g, .closure = g->closure, .error = {}};
}

void scheduler::start(M* m, detail::new_fiber f, detail::closure_fn body, place where) noexcept {
  G& g = *f.g;
  g.run = body;
  // Against cancel_all(), which sets root_canceled_ and then looks for Gs that are not dead.
  g.status.exchange(g_status::runnable, std::memory_order_seq_cst);
  if (root_canceled_.load(std::memory_order_seq_cst)) g.canceled.store(true, std::memory_order_seq_cst);
  if (m != nullptr && m->p != nullptr) {
    P::bump(m->p->spawned);
  } else {
    counters_.spawned_outside.fetch_add(1, std::memory_order_relaxed);
  }
  enqueue(m, g, where);
}

void scheduler::discard(M* m, G& g) noexcept {
  if (g.ctx != nullptr) {
    g.ctx->remove_member(g);
    detail::release(g.ctx);
    g.ctx = nullptr;
  }
  put_dead(m, g);
  count_out();
}

}  // namespace weft::inline v0::rt

namespace weft::inline v0::detail {

new_fiber make_fiber(const spawn_options& o, const std::source_location& where, std::size_t size, std::size_t align,
                     context_node* ctx) noexcept {
  rt::entry e;
  if (e.sched() == nullptr) return {.error = errc::not_running};
  return e.sched()->make(e.m(), o, where, size, align, ctx);
}

// From here on the run is there: it does not end before the fiber has.
void start_fiber(new_fiber f, closure_fn run, place where) noexcept {
  rt::entry e;
  e.sched()->start(e.m(), f, run, where);
}

void discard_fiber(new_fiber f) noexcept {
  rt::entry e;
  e.sched()->discard(e.m(), *f.g);
}

void throw_spawn_error(std::error_code ec, const std::source_location& where) {
  if (ec == errc::not_running) {
    throw std::logic_error(std::string("weft: a fiber was started at ") + where.file_name() + ":" +
                           std::to_string(where.line()) + ", but no weft::run() is on");
  }
  throw std::bad_alloc();
}

}  // namespace weft::inline v0::detail
