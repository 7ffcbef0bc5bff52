// SPDX-License-Identifier: Apache-2.0
// G: one fiber. It lives at the top of its own stack's slot and is type-stable: within a run its memory is
// never anything else, so a reader that comes late (a dump, a cancellation) may look at it, compares id or
// ticket, and writes nothing before.
//
// States, and who owns the G in each:
//   dead      in a free list
//   runnable  on exactly one queue (or in the hands of who is about to put it there)
//   running   the M that runs it
//   waiting   recorded with something that will make it runnable: exactly one of those wins its ticket
// running -> waiting is set before the fiber has left its stack; sched/permit.hpp says why that is enough.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <string_view>

#include <weft/detail/wait.hpp>

#include "runtime/fiber/execution.hpp"

namespace weft::inline v0::detail {

enum class g_status : std::uint8_t { dead, runnable, running, waiting };

struct alignas(64) G : parker {
  // Hot: read and written at each switch.
  rt::execution exec;
  G* link = nullptr;  ///< for lists of Gs that nobody else can reach (claimed waiters on their way to a queue)
  std::atomic<g_status> status{g_status::dead};
  std::atomic<wait_reason> reason{wait_reason::none};
  std::atomic<bool> canceled{false};  ///< its own context is done; set once a life
  bool lent = false;                  ///< inside blocking() and without a P
  int blocking_depth = 0;

  // The fiber's life. Atomics where dumps read them while the G may be reused; they check `id` after.
  std::atomic<std::uint64_t> id{0};
  void (*run)(void*) = nullptr;
  void* closure = nullptr;
  context_node* ctx = nullptr;  ///< its own context; null: the run's. Holds a reference
  G* ctx_prev = nullptr;        ///< members of ctx, under its lock
  G* ctx_next = nullptr;
  std::atomic<const void*> waits_for{nullptr};
  std::atomic<std::source_location> where{};
  std::atomic<std::uint64_t> name[4] = {};

  // The slot; written once when it is made.
  char* stack_low = nullptr;
  std::size_t guard_size = 0;
  std::uint8_t stack_class = 0;
  bool canary = false;  ///< no guard could be had: a word at stack_low is checked at each switch

  [[nodiscard]] char* stack_high() noexcept { return reinterpret_cast<char*>(this); }

  void set_name(std::string_view n) noexcept {
    char buffer[sizeof(name)] = {};
    n.copy(buffer, sizeof(buffer) - 1);
    for (int i = 0; i < 4; ++i) {
      std::uint64_t part;
      std::memcpy(&part, buffer + 8 * i, 8);
      name[i].store(part, std::memory_order_relaxed);
    }
  }
  struct name_text {
    char text[32];
  };
  [[nodiscard]] name_text get_name() const noexcept {
    name_text out;
    for (int i = 0; i < 4; ++i) {
      const std::uint64_t part = name[i].load(std::memory_order_relaxed);
      std::memcpy(out.text + 8 * i, &part, 8);
    }
    return out;
  }
};

static_assert(std::atomic<std::source_location>::is_always_lock_free);

}  // namespace weft::inline v0::detail

namespace weft::inline v0::rt {
using detail::G;
using detail::g_status;
}  // namespace weft::inline v0::rt
