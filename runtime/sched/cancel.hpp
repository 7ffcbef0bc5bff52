// SPDX-License-Identifier: Apache-2.0
// The tree of contexts behind weft::context.
//
// A node knows its children, the fibers whose own context it is (members), and others who wait for it
// (waiters). Cancelling marks it and ends their waits; children follow.
//
// A member parks without touching its node: its wait word says "interruptible", and the canceller looks
// there. The argument is Dekker's: the fiber opens its wait (seq_cst RMW) and then loads `canceled`; the
// canceller sets `canceled` and then loads the wait word (both seq_cst): one of them sees the other.
//
// Deadlines need no timer here: a node's deadline is the earliest up the tree, and whoever waits takes it
// into account for its own timer (sched/wait.cpp); error() looks at the clock.
//
// Lock order: parent before child never arises, since each lock is released before the next is taken.
#pragma once

#include <atomic>
#include <cstdint>

#include <weft/context.hpp>
#include <weft/detail/spinlock.hpp>
#include <weft/detail/wait.hpp>

namespace weft::inline v0::detail {

struct G;

struct context_node {
  static context_node* make(context_node* parent, clock::time_point deadline);  // throws bad_alloc; retains parent

  /// Success, canceled or timed_out.
  wake state() noexcept;
  /// The same, without cancelling what is below a node whose deadline has passed: no locks, no wakes.
  wake peek() const noexcept;
  void cancel(wake how) noexcept;

  void add_member(G& g) noexcept;
  void remove_member(G& g) noexcept;
  /// False if the node is done already: then `w` was not linked.
  bool add_waiter(context_waiter& w) noexcept;
  void remove_waiter(context_waiter& w) noexcept;

  std::atomic<std::uint32_t> refs{1};
  std::atomic<wake> how{wake::none};
  clock::time_point deadline = clock::time_point::max();
  context_node* parent = nullptr;

  spinlock lock;
  context_node* children = nullptr;
  context_node* sibling_prev = nullptr;
  context_node* sibling_next = nullptr;
  context_node* work_next = nullptr;  ///< on a canceller's list
  context_waiter* waiters = nullptr;
  G* members = nullptr;
};

/// Cancels one fiber's own context: marks it and ends its wait if that is interruptible.
/// Returns true if the caller must call ticket::ready on it.
bool interrupt(G& g, wake why) noexcept;

}  // namespace weft::inline v0::detail
