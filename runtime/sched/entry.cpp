// SPDX-License-Identifier: Apache-2.0
#include "runtime/sched/entry.hpp"

#include "runtime/os/thread.hpp"

namespace weft::inline v0::rt {

namespace {

std::atomic<scheduler*> the_run{nullptr};
std::atomic<std::uint32_t> pins{0};

}  // namespace

// pin: pins+1 (seq_cst RMW), then load the_run. retract: the_run = null (seq_cst RMW), then load pins. One of
// the two sees the other.
scheduler* pin_run() noexcept {
  pins.fetch_add(1, std::memory_order_seq_cst);
  return the_run.load(std::memory_order_seq_cst);
}

void unpin_run() noexcept {
  pins.fetch_sub(1, std::memory_order_release);
}

std::uint32_t run_pins() noexcept {
  return pins.load(std::memory_order_relaxed);
}

bool publish_run(scheduler* s) noexcept {
  scheduler* none = nullptr;
  return the_run.compare_exchange_strong(none, s, std::memory_order_seq_cst);
}

void retract_run() noexcept {
  the_run.exchange(nullptr, std::memory_order_seq_cst);
  // A pinned call is a few dozen instructions, or a futex wake: no need to sleep on a word of its own.
  while (pins.load(std::memory_order_seq_cst) != 0) os::yield();
}

}  // namespace weft::inline v0::rt
