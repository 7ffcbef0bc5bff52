// SPDX-License-Identifier: Apache-2.0

#include <array>
#include <iostream>
#include <weft/weft.hpp>

int main(int argc, char** argv) {
  return weft::run([&] {
    auto listener = weft::net::listen("tcp", argc > 1 ? argv[1] : "127.0.0.1:7777");
    if (!listener) return std::cerr << listener.error().message() << '\n', 1;
    std::cerr << "echoing on " << listener->local_address().to_string() << '\n';
    while (auto accepted = listener->accept()) {
      weft::go([conn = std::move(*accepted)]() mutable {  // one fiber a connection
        std::array<char, 4096> buffer;
        while (auto got = conn.read(buffer, std::chrono::minutes(1))) {
          if (!conn.write_all({buffer.data(), got.n})) break;
        }
      });
    }
    return 0;
  });
}
