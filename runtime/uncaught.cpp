// SPDX-License-Identifier: Apache-2.0
#include "runtime/uncaught.hpp"

#include <cxxabi.h>
#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <typeinfo>

#include <execinfo.h>

#include "runtime/fiber/current.hpp"
#include "runtime/fiber/g.hpp"
#include "runtime/os/fatal.hpp"

namespace weft::inline v0::rt {

namespace {

std::atomic<std::terminate_handler> previous_handler{nullptr};

std::string demangle(const char* mangled) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(mangled, nullptr, nullptr, &status),
                                                         &std::free);
  return status == 0 ? text.get() : mangled;
}

// "module(_Zsymbol+0x1f) [0x...]", with the symbol demangled.
std::string frame_text(std::string line) {
  const auto open = line.find('(');
  const auto plus = line.find('+', open);
  if (open == std::string::npos || plus == std::string::npos || plus == open + 1) return line;
  return line.substr(0, open + 1) + demangle(line.substr(open + 1, plus - open - 1).c_str()) + line.substr(plus);
}

std::string describe_exception() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  if (type == nullptr) return "std::terminate was called without an exception";
  std::string text = "uncaught exception of type " + demangle(type->name());
  try {
    throw;
  } catch (const std::exception& e) {
    text += std::string(": ") + e.what();
  } catch (...) {
  }
  return text;
}

void report(const G& g) {
  const auto where = g.where.load(std::memory_order_relaxed);
  const auto name = g.get_name();
  std::string text = "weft: fatal: " + describe_exception() + "\n  in fiber " + std::to_string(g.id.load());
  if (name.text[0] != '\0') text += std::string(" \"") + name.text + "\"";
  text += std::string(", spawned at ") + where.file_name() + ":" + std::to_string(where.line()) + " (" +
          where.function_name() + ")\n";
  std::array<void*, 64> frames;
  const int n = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  const std::unique_ptr<char*, decltype(&std::free)> lines(::backtrace_symbols(frames.data(), n), &std::free);
  for (int i = 0; lines && i < n; ++i) text += "    " + frame_text(lines.get()[i]) + "\n";
  os::print_error(text);
}

[[noreturn]] void on_terminate() {
  if (const G* g = running_fiber()) {
    report(*g);
    std::abort();
  }
  if (auto* previous = previous_handler.load()) previous();
  std::abort();
}

}  // namespace

uncaught_handler::uncaught_handler() noexcept : previous_(std::set_terminate(on_terminate)) {
  previous_handler.store(previous_);
}
uncaught_handler::~uncaught_handler() {
  std::set_terminate(previous_);
}

}  // namespace weft::inline v0::rt
