// SPDX-License-Identifier: Apache-2.0
// The poller on epoll. One instance a run.
#pragma once

#include <memory>

#include "runtime/sched/poller.hpp"

namespace weft::inline v0::netpoll {

/// Throws std::system_error if the kernel refuses an epoll instance or an eventfd.
[[nodiscard]] std::unique_ptr<rt::poller> make_epoll_poller();

}  // namespace weft::inline v0::netpoll
