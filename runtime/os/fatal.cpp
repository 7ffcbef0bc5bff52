// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/fatal.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <unistd.h>

namespace weft::inline v0::rt::os {

void print_error(std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

void fatal(std::string_view text) noexcept {
  print_error("weft: fatal: ");
  print_error(text);
  print_error("\n");
  std::abort();
}

void exit_process(int code) noexcept {
  // Not fflush(nullptr): that waits for the lock of every stream, and a fiber may be blocked reading one.
  for (std::FILE* f : {stdout, stderr}) {
    if (::ftrylockfile(f) != 0) continue;
    std::fflush(f);
    ::funlockfile(f);
  }
  std::_Exit(code);
}

}  // namespace weft::inline v0::rt::os
