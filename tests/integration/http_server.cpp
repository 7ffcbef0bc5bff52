// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/http_server.hpp"

#include <signal.h>

#include <charconv>
#include <stdexcept>

namespace weft::integration {

namespace {

std::vector<std::string> command(std::vector<std::string> options) {
  std::vector<std::string> words{beside("http_server"), "--port", "0"};
  words.insert(words.end(), options.begin(), options.end());
  return words;
}

}  // namespace

http_server::http_server(std::vector<std::string> options, std::size_t files)
    : program_(command(std::move(options)), files), greeting_(program_.wait_for_line("listening on")) {
  const auto at = greeting_.find(":", greeting_.find("127.0.0.1"));
  std::from_chars(greeting_.data() + at + 1, greeting_.data() + greeting_.size(), port_);
}

long http_server::stat(std::string_view name) {
  if (!asker_) asker_.emplace(port_);
  asker_->send("GET /stats HTTP/1.1\r\nHost: test\r\n\r\n");
  const auto r = asker_->receive();
  const std::string line = "\n" + std::string(name) + " ";
  const std::string text = "\n" + r.body;
  const auto at = text.find(line);
  long value = -1;
  if (r.status != 200 || at == text.npos) throw std::runtime_error("no " + std::string(name) + " in " + r.body);
  std::from_chars(text.data() + at + line.size(), text.data() + text.size(), value);
  return value;
}

ending http_server::stop() {
  asker_.reset();
  program_.signal(SIGTERM);
  return program_.wait();
}

counts count(http_server& server) {
  counts c;
  c.connections = server.stat("connections");
  c.fibers = server.stat("fibers");
  c.files = server.program().open_files();
  return c;
}

}  // namespace weft::integration
