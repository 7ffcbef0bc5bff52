// SPDX-License-Identifier: Apache-2.0
#include "runtime/trace/dump.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace weft::inline v0::trace {

std::string format(std::vector<fiber_record> fibers) {
  constexpr std::size_t ids_shown = 8;
  std::sort(fibers.begin(), fibers.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  using key = std::tuple<std::string, std::string, std::string>;
  std::map<key, std::vector<std::uint64_t>> groups;
  std::vector<key> order;
  for (const auto& f : fibers) {
    auto [at, is_new] = groups.try_emplace({f.name, f.state, f.site});
    if (is_new) order.push_back(at->first);
    at->second.push_back(f.id);
  }
  std::string out;
  for (const auto& k : order) {
    const auto& ids = groups[k];
    const auto& [name, state, site] = k;
    out += ids.size() == 1 ? "fiber " : std::to_string(ids.size()) + " fibers ";
    for (std::size_t i = 0; i < std::min(ids.size(), ids_shown); ++i) {
      if (i > 0) out += ", ";
      out += std::to_string(ids[i]);
    }
    if (ids.size() > ids_shown) out += ", ...";
    if (!name.empty()) out += " \"" + name + "\"";
    out += " [" + state + "]\n\tcreated at " + site + "\n";
  }
  return out;
}

}  // namespace weft::inline v0::trace
