// SPDX-License-Identifier: Apache-2.0
// Why a fiber waits: the one table that dumps, traces, metrics and docs are made from, so that they
// cannot disagree. The strings are stable: people grep for them (they are Go's where Go has one).
#pragma once

#include <cstdint>

//            name            text
#define WEFT_WAIT_REASONS(X)                     \
  X(none, "")                                    \
  X(sleep, "sleep")                              \
  X(io_read, "IO wait (read)")                   \
  X(io_write, "IO wait (write)")                 \
  X(io_close, "IO wait (close)")                 \
  X(chan_receive, "chan receive")                \
  X(chan_receive_nil, "chan receive (nil chan)") \
  X(chan_send, "chan send")                      \
  X(chan_send_nil, "chan send (nil chan)")       \
  X(select, "select")                            \
  X(select_no_cases, "select (no cases)")        \
  X(mutex_lock, "sync.Mutex.Lock")               \
  X(wait_group_wait, "sync.WaitGroup.Wait")      \
  X(group_limit, "group limit")                  \
  X(group_wait, "group wait")                    \
  X(task_join, "task join")                      \
  X(timer_wait, "timer wait")                    \
  X(blocking_return, "blocking call return")

namespace weft::inline v0::detail {

enum class wait_reason : std::uint8_t {
#define WEFT_X(name, text) name,
  WEFT_WAIT_REASONS(WEFT_X)
#undef WEFT_X
};

constexpr const char* to_string(wait_reason r) noexcept {
  switch (r) {
#define WEFT_X(name, text) \
  case wait_reason::name:  \
    return text;
    WEFT_WAIT_REASONS(WEFT_X)
#undef WEFT_X
  }
  return "?";
}

}  // namespace weft::inline v0::detail
