// SPDX-License-Identifier: Apache-2.0
#include "runtime/fiber/overflow.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

#include <csignal>

#include "runtime/fiber/current.hpp"
#include "runtime/fiber/g.hpp"
#include "runtime/os/fatal.hpp"
#include "runtime/os/memory.hpp"

namespace weft::inline v0::rt {

namespace {

constexpr std::size_t alternate_size = 64 * 1024;

struct sigaction previous_segv;
struct sigaction previous_bus;

// Only async-signal-safe things from here on.
class line {
 public:
  line& operator<<(std::string_view s) noexcept {
    for (char c : s) {
      if (used_ < buffer_.size()) buffer_[used_++] = c;
    }
    return *this;
  }
  line& operator<<(std::uint64_t n) noexcept {
    char digits[24];
    const auto r = std::to_chars(digits, digits + sizeof(digits), n);
    return *this << std::string_view(digits, static_cast<std::size_t>(r.ptr - digits));
  }
  void print() const noexcept { os::print_error({buffer_.data(), used_}); }

 private:
  std::array<char, 512> buffer_;
  std::size_t used_ = 0;
};

void report(const G& g) noexcept {
  const auto name = g.get_name();
  const auto where = g.where.load(std::memory_order_relaxed);
  const auto size = static_cast<std::uint64_t>(reinterpret_cast<const char*>(&g) - g.stack_low);
  line l;
  l << "weft: fatal: stack overflow in fiber " << g.id.load(std::memory_order_relaxed);
  if (name.text[0] != '\0') l << " \"" << std::string_view(name.text) << "\"";
  l << " (stack of " << size / 1024 << " KiB), spawned at " << where.file_name() << ":" << where.line()
    << "\n  raise spawn_options::stack_size, or options::stack_size for all fibers\n";
  l.print();
}

void on_fault(int signal, siginfo_t* info, void* context) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  if (const G* g = running_fiber(); g != nullptr) {
    const auto low = reinterpret_cast<std::uintptr_t>(g->stack_low);
    if (address < low && address >= low - g->guard_size) report(*g);
  }
  const struct sigaction& previous = signal == SIGBUS ? previous_bus : previous_segv;
  if ((previous.sa_flags & SA_SIGINFO) != 0) {
    previous.sa_sigaction(signal, info, context);
  } else if (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN) {
    // The faulting instruction is run again and now meets the default action.
    ::sigaction(signal, &previous, nullptr);
  } else {
    previous.sa_handler(signal);
  }
}

}  // namespace

overflow_handler::overflow_handler() noexcept {
  struct sigaction action{};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGSEGV, &action, &previous_segv);
  ::sigaction(SIGBUS, &action, &previous_bus);
}

overflow_handler::~overflow_handler() {
  ::sigaction(SIGSEGV, &previous_segv, nullptr);
  ::sigaction(SIGBUS, &previous_bus, nullptr);
}

alternate_stack::alternate_stack() noexcept : base_(os::reserve(alternate_size)) {
  if (base_ == nullptr) return;
  stack_t s{};
  s.ss_sp = base_;
  s.ss_size = alternate_size;
  ::sigaltstack(&s, nullptr);
}

alternate_stack::~alternate_stack() {
  if (base_ == nullptr) return;
  stack_t s{};
  s.ss_flags = SS_DISABLE;
  ::sigaltstack(&s, nullptr);
  os::unreserve(base_, alternate_size);
}

}  // namespace weft::inline v0::rt
