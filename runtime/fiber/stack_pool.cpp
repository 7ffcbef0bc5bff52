// SPDX-License-Identifier: Apache-2.0
#include "runtime/fiber/stack_pool.hpp"

#include <algorithm>
#include <bit>
#include <new>

#include "runtime/os/fatal.hpp"
#include "runtime/os/memory.hpp"

namespace weft::inline v0::rt {

namespace {

constexpr std::size_t max_piece = std::size_t{1} << 30;
constexpr std::size_t guard_batch = 64;
constexpr std::size_t max_guard = 64 * 1024;
constexpr std::uint64_t canary_word = 0x77656674'63616e61;  // "weftcana"
// Mappings that are left to the rest of the process when guards are made by mprotect.
constexpr std::size_t mappings_reserve = 8192;

void say_once(std::atomic<bool>& said, std::string_view text) noexcept {
  if (!said.exchange(true, std::memory_order_relaxed)) os::print_error(text);
}

}  // namespace

int stack_pool::class_of(std::size_t size) noexcept {
  if (size > max_size) return -1;
  const int log2 = std::bit_width(std::max(size, std::size_t{1} << min_class_log2) - 1);
  return log2 - min_class_log2;
}

std::size_t stack_pool::guard_size(int cls) noexcept {
  return std::min(max_guard, class_size(cls));
}

std::size_t stack_pool::stride(int cls) noexcept {
  return guard_size(cls) + class_size(cls) + os::page_size();
}

stack_pool::~stack_pool() {
  for (auto& c : classes_) {
    for (const piece& p : c.pieces) {
      for (std::size_t i = 0; i < p.carved; ++i) {
        // Found by the same arithmetic as when it was made.
        G* g = make_g(static_cast<int>(&c - classes_), p, i);
        destroy_execution(g->exec);
        reuse_stack(g->stack_low, p.base + (i + 1) * stride(g->stack_class));  // whoever is mapped there next
      }
      os::unreserve(p.base, p.size);
    }
  }
}

std::size_t stack_pool::get(int cls, G** out, std::size_t n) noexcept {
  auto& c = classes_[cls];
  std::lock_guard hold(c.lock);
  if (c.hot.empty() && c.cold.empty()) carve(cls, c, n);
  std::size_t got = 0;
  for (auto* list : {&c.hot, &c.cold}) {
    while (got < n && !list->empty()) {
      out[got++] = list->back();
      list->pop_back();
    }
  }
  return got;
}

void stack_pool::put(int cls, G* const* gs, std::size_t n) noexcept {
  auto& c = classes_[cls];
  std::lock_guard hold(c.lock);
  c.hot.insert(c.hot.end(), gs, gs + n);  // capacity was reserved when they were carved
}

std::size_t stack_pool::trim(std::size_t n) noexcept {
  std::size_t left = 0;
  for (auto& c : classes_) {
    const int cls = static_cast<int>(&c - classes_);
    for (;;) {
      G* g = nullptr;
      {
        std::lock_guard hold(c.lock);
        if (c.hot.empty() || n == 0) {
          left += c.hot.size();
          break;
        }
        g = c.hot.front();  // the coldest: put() and get() work at the other end
        c.hot.front() = c.hot.back();
        c.hot.pop_back();
      }
      --n;
      // The page with the G stays: late readers look at it.
      const auto page = ~(os::page_size() - 1);
      char* const top_page = reinterpret_cast<char*>(reinterpret_cast<std::uintptr_t>(g) & page);
      if (top_page > g->stack_low) os::discard(g->stack_low, static_cast<std::size_t>(top_page - g->stack_low));
      if (g->canary) *reinterpret_cast<std::uint64_t*>(g->stack_low) = canary_word;
      std::lock_guard hold(classes_[cls].lock);
      c.cold.push_back(g);
    }
  }
  return left;
}

void stack_pool::for_each(const std::function<void(G&)>& f) {
  for (auto& c : classes_) {
    const int cls = static_cast<int>(&c - classes_);
    std::vector<piece> pieces;
    {
      std::lock_guard hold(c.lock);
      pieces = c.pieces;
    }
    for (const piece& p : pieces) {
      for (std::size_t i = 0; i < p.carved; ++i) f(*make_g(cls, p, i));
    }
  }
}

bool stack_pool::carve(int cls, size_class& c, std::size_t n) noexcept {
  try {
    if (c.pieces.empty() || c.pieces.back().carved == c.pieces.back().slots) {
      c.pieces.reserve(c.pieces.size() + 1);
      if (!grow(cls, c)) return false;
    }
    piece& p = c.pieces.back();
    n = std::min(n, p.slots - p.carved);
    // Both lists can hold every G of the class, so that giving one back never allocates.
    std::size_t total = n;
    for (const piece& q : c.pieces) total += q.carved;
    if (c.hot.capacity() < total) c.hot.reserve(std::max(total, 2 * c.hot.capacity()));
    if (c.cold.capacity() < total) c.cold.reserve(std::max(total, 2 * c.cold.capacity()));
    if (p.carved + n > p.guarded && !make_guards(cls, p, n)) return false;
    for (std::size_t i = 0; i < n; ++i) {
      G* g = ::new (make_g(cls, p, p.carved)) G;
      char* const slot = p.base + p.carved * stride(cls);
      g->is_fiber = true;
      g->guard_size = guard_size(cls);
      g->stack_low = slot + g->guard_size;
      g->stack_class = static_cast<std::uint8_t>(cls);
      g->canary = kind_.load(std::memory_order_relaxed) == guards::canary;
      if (g->canary) *reinterpret_cast<std::uint64_t*>(g->stack_low) = canary_word;
      c.hot.push_back(g);
      ++p.carved;
    }
    slots_.fetch_add(n, std::memory_order_relaxed);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

bool stack_pool::grow(int cls, size_class& c) noexcept {
  const std::size_t step = stride(cls);
  // Pieces double from 64 slots to 1 GiB; where even less is refused (ulimit -v, valgrind), halve down to one slot.
  std::size_t slots = c.pieces.empty() ? 64 : 2 * c.pieces.back().slots;
  slots = std::clamp(slots, std::size_t{1}, std::max(std::size_t{1}, max_piece / step));
  for (; slots > 0; slots /= 2) {
    if (void* base = os::reserve(slots * step)) {
      c.pieces.push_back({static_cast<char*>(base), slots * step, slots, 0, 0});
      return true;
    }
  }
  return false;
}

bool stack_pool::make_guards(int cls, piece& p, std::size_t n) noexcept {
  static std::atomic<bool> said_protect{false};
  static std::atomic<bool> said_canary{false};
  const std::size_t limit = os::max_map_count();
  const std::size_t budget = limit > 2 * mappings_reserve ? (limit - mappings_reserve) / 2 : limit / 4;
  const std::size_t to = std::min(p.slots, std::max(p.carved + n, p.guarded + guard_batch));
  for (; p.guarded < to;) {
    os::range batch[guard_batch];
    const std::size_t m = std::min(guard_batch, to - p.guarded);
    for (std::size_t i = 0; i < m; ++i) batch[i] = {p.base + (p.guarded + i) * stride(cls), guard_size(cls)};
    if (kind_.load(std::memory_order_relaxed) == guards::installed) {
      if (os::install_guards(batch, m)) {
        p.guarded += m;
        continue;
      }
      kind_.store(guards::protected_pages, std::memory_order_relaxed);
      say_once(said_protect,
               "weft: this kernel has no guard regions (Linux 6.13): stack guards by mprotect, two mappings each\n");
    }
    for (std::size_t i = 0; i < m; ++i) {
      if (kind_.load(std::memory_order_relaxed) == guards::protected_pages &&
          (protected_.load(std::memory_order_relaxed) >= budget || !os::protect_guard(batch[i]))) {
        kind_.store(guards::canary, std::memory_order_relaxed);
        say_once(
            said_canary,
            "weft: vm.max_map_count leaves no room for more stack guards: further stacks are checked by a canary\n");
      }
      if (kind_.load(std::memory_order_relaxed) == guards::protected_pages)
        protected_.fetch_add(1, std::memory_order_relaxed);
    }
    p.guarded += m;
  }
  return true;
}

G* stack_pool::make_g(int cls, const piece& p, std::size_t slot) noexcept {
  constexpr std::size_t colours = 16;
  char* const end = p.base + (slot + 1) * stride(cls);
  static_assert(sizeof(G) + 64 * (colours - 1) <= 4096 / 2);
  return reinterpret_cast<G*>(end - sizeof(G) - 64 * (slot * 7 % colours));
}

bool canary_intact(const G& g) noexcept {
  return !g.canary || *reinterpret_cast<const std::uint64_t*>(g.stack_low) == canary_word;
}

}  // namespace weft::inline v0::rt
