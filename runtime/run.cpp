// SPDX-License-Identifier: Apache-2.0
// weft::run: the rooms put together.
#include <weft/run.hpp>

#include <memory>
#include <stdexcept>
#include <system_error>

#include "netpoll/current.hpp"
#include "netpoll/epoll.hpp"
#include "runtime/fiber/overflow.hpp"
#include "runtime/procs/sizing.hpp"
#include "runtime/sched/entry.hpp"
#include "runtime/uncaught.hpp"

namespace weft::inline v0::detail {

namespace {

rt::scheduler_options check(const options& o) {
  if (o.stack_size == 0 || o.stack_size > rt::stack_pool::max_size) {
    throw std::invalid_argument("weft::run: options::stack_size must be in 1.." +
                                std::to_string(rt::stack_pool::max_size));
  }
  if (o.drain.count() < 0) throw std::invalid_argument("weft::run: options::drain is negative");
  auto sized = rt::choose_procs(o.procs);
  rt::scheduler_options s;
  s.procs = static_cast<std::uint32_t>(sized.procs);
  s.procs_reason = std::move(sized.reason);
  s.stack_size = o.stack_size;
  s.drain = o.drain;
  s.on_deadlock = o.on_deadlock;
  return s;
}

struct main_body {
  main_call& call;
  std::exception_ptr error;

  static void invoke(void* self) {
    auto& m = *static_cast<main_body*>(self);
    try {
      m.call.call();
    } catch (...) {
      m.error = std::current_exception();
    }
  }
};

// In a fixed order, undone in reverse, also if a later step throws.
struct published {
  explicit published(rt::scheduler& s) {
    if (!rt::publish_run(&s)) throw std::logic_error("weft::run: another run is on in this process");
  }
  ~published() { rt::retract_run(); }
};
struct polled {
  explicit polled(rt::poller* p) { netpoll::set_current(p); }
  ~polled() { netpoll::set_current(nullptr); }
};

}  // namespace

void run(main_call& call, const options& o, const std::source_location& where) {
  if (rt::running_fiber() != nullptr)
    throw std::logic_error("weft::run: called on a fiber; use weft::go or weft::spawn there");
  rt::scheduler_options checked = check(o);
  std::unique_ptr<rt::poller> net = netpoll::make_epoll_poller();
  rt::poller* const poller = net.get();
  rt::scheduler sched(std::move(checked), std::move(net));
  main_body body{call, nullptr};
  {
    const published p(sched);
    const polled n(poller);
    const rt::overflow_handler overflow;
    const rt::uncaught_handler uncaught;
    sched.run(&main_body::invoke, &body, where);
  }
  if (body.error) std::rethrow_exception(body.error);
}

}  // namespace weft::inline v0::detail
