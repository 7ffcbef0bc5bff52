// SPDX-License-Identifier: Apache-2.0
// What descriptors need of a poller beyond what the scheduler needs of it.
#pragma once

#include <cstdint>
#include <system_error>

#include "runtime/sched/poller.hpp"

namespace weft::inline v0::netpoll {

/// Every poller made in this folder is one.
class backend : public rt::poller {
 public:
  /// Watches `fd` for both directions until remove(). Its events carry `key`.
  [[nodiscard]] virtual std::error_code add(int fd, std::uint64_t key) noexcept = 0;
  /// Before `fd` is closed. Events that were collected already may still be delivered.
  virtual void remove(int fd) noexcept = 0;
};

}  // namespace weft::inline v0::netpoll
