// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/sched/permit.hpp"
#include "runtime/sched/poller.hpp"
#include "runtime/sched/scheduler.hpp"

namespace weft::inline v0::rt {

// Collects what a poll made runnable, as a list linked through the Gs.
struct scheduler::collector final : ready_list {
  void add(detail::parker* claimed) noexcept override {
    if (!claimed->is_fiber) {
      detail::ticket::ready(claimed);
      return;
    }
    if (!park_permit<std::atomic<std::uint32_t>>::notify(claimed->permit)) return;  // it will see it as it parks
    G* g = static_cast<G*>(claimed);
    g->link = nullptr;
    (last != nullptr ? last->link : first) = g;
    last = g;
  }
  G* pop() noexcept {
    G* g = first;
    if (g != nullptr) {
      first = g->link;
      if (first == nullptr) last = nullptr;
    }
    return g;
  }
  G* first = nullptr;
  G* last = nullptr;
};

}  // namespace weft::inline v0::rt
