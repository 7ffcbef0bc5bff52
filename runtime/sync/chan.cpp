// SPDX-License-Identifier: Apache-2.0
#include <weft/detail/chan_core.hpp>

#include <mutex>

namespace weft::inline v0::detail {

void chan_base::close() {
  queued_waiter* woken_receivers = nullptr;
  queued_waiter* woken_senders = nullptr;
  {
    std::lock_guard hold(lock);
    if (closed) throw std::logic_error("weft::chan: close of a closed channel");
    closed = true;
    woken_receivers = receivers.claim_all(false);
    woken_senders = senders.claim_all(false);
  }
  waiter_queue::ready_all(woken_receivers);
  waiter_queue::ready_all(woken_senders);
}

}  // namespace weft::inline v0::detail
