// SPDX-License-Identifier: Apache-2.0
// Signals as a channel, for servers that shut down cleanly.
//
//     auto stop = weft::notify_signals({SIGTERM, SIGINT});
//     weft::select(weft::on_recv(*stop, [&](auto) { listener.close(); }), ...);
#pragma once

#include <expected>
#include <initializer_list>
#include <system_error>

#include <weft/chan.hpp>
#include <weft/detail/config.hpp>

namespace weft::inline v0 {

/// From now until the run ends, each of `signals` that is sent to the process comes out of the channel
/// (capacity 16, at least one of each is kept when it is full) instead of its default action or handler.
/// The channel is closed when the run ends. Does not park. Call it on a fiber; else errc::not_running.
///
/// How: weft's threads block all asynchronous signals, always; the thread that called run() blocks these
/// too from now on, and a signalfd is read. Threads that the program makes itself before this call must
/// block them as well, or the kernel may deliver there. std::errc::invalid_argument for signals that
/// cannot be taken so (SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS).
[[nodiscard]] WEFT_API std::expected<chan<int>, std::error_code> notify_signals(std::initializer_list<int> signals);

}  // namespace weft::inline v0
