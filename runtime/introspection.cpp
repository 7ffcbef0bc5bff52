// SPDX-License-Identifier: Apache-2.0
// weft/this_fiber.hpp and weft/runtime.hpp.
#include <weft/detail/testing.hpp>
#include <weft/runtime.hpp>
#include <weft/this_fiber.hpp>

#include "runtime/sched/entry.hpp"

namespace weft::inline v0 {

namespace this_fiber {

std::uint64_t id() noexcept {
  const auto* g = rt::running_fiber();
  return g == nullptr ? 0 : g->id.load(std::memory_order_relaxed);
}

std::string name() {
  const auto* g = rt::running_fiber();
  return g == nullptr ? "" : g->get_name().text;
}

weft::context context() noexcept {
  const rt::entry e;
  if (e.m() == nullptr || e.m()->curg == nullptr) return {};
  detail::context_node* node = e.m()->curg->ctx;
  if (node == nullptr) node = e.sched()->root();
  detail::retain(node);
  return weft::context(node);
}

std::size_t stack_remaining() noexcept {
  const auto* g = rt::running_fiber();
  if (g == nullptr) return 0;
  return static_cast<std::size_t>(static_cast<char*>(__builtin_frame_address(0)) - g->stack_low);
}

}  // namespace this_fiber

cancel_source::cancel_source() : cancel_source(this_fiber::context()) {}

int procs() noexcept {
  const rt::entry e;
  return e.sched() == nullptr ? 0 : static_cast<int>(e.sched()->procs());
}

std::string procs_reason() {
  const rt::entry e;
  return e.sched() == nullptr ? "" : e.sched()->procs_reason();
}

std::size_t num_fibers() noexcept {
  const rt::entry e;
  return e.sched() == nullptr ? 0 : e.sched()->live();
}

std::string dump_fibers() {
  const rt::entry e;
  return e.sched() == nullptr ? "" : e.sched()->dump();
}

stats runtime_stats() noexcept {
  const rt::entry e;
  return e.sched() == nullptr ? stats{} : e.sched()->read_stats();
}

void detail::testing_rescue(bool on) noexcept {
  rt::rescue_enabled.store(on);
}

}  // namespace weft::inline v0
