// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

namespace weft::inline v0::rt {

/// Blocks `signals` in the thread that called run(), until the run ends; returns when that is done. Ms block
/// them anyway. Call it on a fiber. Does not park (it waits for the monitor, microseconds).
void block_signals_on_monitor(const sigset_t& signals) noexcept;

}  // namespace weft::inline v0::rt
