// SPDX-License-Identifier: Apache-2.0
// An HTTP/1.1 server: keep-alive, pipelining, limits, deadlines and a drain, with a fiber a connection.
//
//     http_server --port 8080 &
//     curl -i http://127.0.0.1:8080/               Hello, World!
//     curl    http://127.0.0.1:8080/stats          fibers, connections, threads, Ps
//     curl    http://127.0.0.1:8080/sleep?ms=500   a fiber that sleeps holds no thread
//     curl -d text http://127.0.0.1:8080/echo      the body comes back
//
// The grammar of HTTP is left to Boost.Beast's parser, which takes bytes from anywhere; the sockets are
// weft's, so a handler is straight-line code that parks where it waits. From the top: what one request
// is, one connection, the routes, the accept loop, and at the end what happens at SIGTERM.

// Beast asserts (up to 1.74 at least) that no last chunk comes in pieces of less than five bytes. It is
// handled well where assertions are off, so a client who sends it so need not end a debug build.
#define BOOST_DISABLE_ASSERTS

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <getopt.h>
#include <sys/resource.h>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/verb.hpp>

#include <weft/weft.hpp>

namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

struct settings {
  std::string host = "127.0.0.1";
  int port = 8080;
  int procs = 0;                      // 0: weft decides
  milliseconds request_timeout{10s};  // from a request's first byte to its last
  milliseconds idle_timeout{60s};     // between requests
  milliseconds write_timeout{10s};    // for a client to take a batch of responses
  milliseconds drain_timeout{10s};    // for requests in flight at SIGTERM
};

constexpr std::size_t header_limit = 8 * 1024;   // else 431
constexpr std::size_t body_limit = 1024 * 1024;  // else 413
constexpr std::size_t header_chunk = 2 * 1024;   // what an idle connection keeps to read into
constexpr std::size_t body_chunk = 16 * 1024;    // once a body is on its way
constexpr std::size_t flush_at = 16 * 1024;      // responses are collected up to here
constexpr milliseconds longest_sleep{60s};

struct server {
  settings set;
  weft::context draining;  // done once SIGTERM came
  std::atomic<int> connections{0};
  std::atomic<int> sleeping{0};
};

// ------------------------------------------------------------------------------------------ a request

std::string_view view(beast::string_view s) {
  return {s.data(), s.size()};
}

// Beast's parser calls back for each part that it has found; this keeps what the server wants to know and
// nothing else, so a request costs no allocation (http::request_parser would make a list of all fields).
// A parser is good for one message. The strings belong to the connection, which uses them again.
class request final : public http::basic_parser<true> {
 public:
  request(std::string& keep_target, std::string& keep_body) : target(keep_target), body(keep_body) {
    http::basic_parser<true>::header_limit(::header_limit);
    http::basic_parser<true>::body_limit(::body_limit);
    eager(true);  // go on to the end of the message if it is there
    target.clear();
    body.clear();
  }

  http::verb method = http::verb::unknown;
  int version = 11;
  bool wants_continue = false;  // the client waits for "100 Continue" before it sends the body
  std::string& target;
  std::string& body;

 private:
  using error = beast::error_code;

  void on_request_impl(http::verb v, beast::string_view, beast::string_view t, int ver, error&) override {
    method = v;
    version = ver;
    target.assign(t.data(), t.size());
  }

  void on_field_impl(http::field name, beast::string_view, beast::string_view value, error&) override {
    if (name == http::field::host) ++hosts_;
    if (name == http::field::transfer_encoding) has_encoding_ = true;
    if (name == http::field::expect) wants_continue = beast::iequals(value, "100-continue");
  }

  void on_header_impl(error& ec) override {
    // What the grammar cannot see: HTTP/1.1 asks for exactly one Host, and a body whose length is not known
    // would leave the two sides of a proxy of different minds about where the next request begins.
    if (hosts_ > 1 || (hosts_ == 0 && version == 11)) ec = http::error::bad_field;
    if (has_encoding_ && (!chunked() || version < 11)) ec = http::error::bad_transfer_encoding;
  }

  std::size_t on_body_impl(beast::string_view piece, error&) override {
    body.append(piece.data(), piece.size());
    return piece.size();
  }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view piece, error&) override {
    body.append(piece.data(), piece.size());
    return piece.size();
  }

  void on_response_impl(int, beast::string_view, int, error&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error&) override {}
  void on_chunk_header_impl(std::uint64_t, beast::string_view, error&) override {}
  void on_finish_impl(error&) override {}

  int hosts_ = 0;
  bool has_encoding_ = false;
};

// The status a request gets that the parser would not have.
http::status status_for(const beast::error_code& ec) {
  if (ec == http::error::header_limit) return http::status::request_header_fields_too_large;
  if (ec == http::error::body_limit) return http::status::payload_too_large;
  return http::status::bad_request;
}

// The date in each response, written anew once a second.
class date_line {
 public:
  std::string_view text() {
    const std::time_t now = std::time(nullptr);
    if (now != made_) {
      made_ = now;
      std::tm parts{};
      gmtime_r(&now, &parts);
      length_ = std::strftime(buffer_.data(), buffer_.size(), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
    }
    return {buffer_.data(), length_};
  }

 private:
  std::time_t made_ = 0;
  std::size_t length_ = 0;
  std::array<char, 40> buffer_{};
};

void append_number(std::string& out, long long n) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), n).ptr;
  out.append(digits.data(), end);
}

// --------------------------------------------------------------------------------------- a connection

class connection {
 public:
  connection(server& s, weft::net::conn c) : server_(s), conn_(std::move(c)) {
    server_.connections.fetch_add(1, std::memory_order_relaxed);
  }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection() {
    (void)conn_.close();
    server_.connections.fetch_sub(1, std::memory_order_relaxed);
  }

  void serve() {
    while (open_ && next_request()) {
      open_ = request_->keep_alive() && !server_.draining.done();
      route();
      // Responses leave when there is no further request to parse, or enough of them.
      if (out_.size() >= flush_at && !flush()) return;
    }
    if (flush() && !open_) linger();
  }

 private:
  // Parses the next request, reading as often as it takes. False: there is none, or none to be served.
  bool next_request() {
    auto& r = request_.emplace(target_, body_);
    std::optional<weft::clock::time_point> deadline;
    for (;;) {
      if (in_.size() != 0) {
        beast::error_code ec;
        in_.consume(r.put(boost::asio::const_buffer(in_.cdata()), ec));
        if (ec && ec != http::error::need_more) return refuse(status_for(ec));
        if (r.is_done()) return true;
        // Beast has a limit for headers, but none for the line before a chunk and the fields after the last.
        if (in_.size() >= header_limit) return refuse(http::status::request_header_fields_too_large);
      }
      if (r.wants_continue && r.is_header_done()) {
        r.wants_continue = false;
        out_ += "HTTP/1.1 100 Continue\r\n\r\n";
      }
      if (!flush()) return false;

      // A connection between two requests may be given up at any time, one in the middle has its deadline.
      const bool idle = !r.got_some();
      if (!idle && !deadline) deadline = weft::clock::now() + server_.set.request_timeout;
      const auto limit = idle ? weft::until(server_.draining, server_.set.idle_timeout) : weft::until(*deadline);
      const auto room = in_.prepare(r.is_header_done() ? body_chunk : header_chunk);
      const auto got = conn_.read(std::span(static_cast<char*>(room.data()), room.size()), limit);
      in_.commit(got.n);
      if (got.n == 0) {
        if (!idle && got.ec == weft::errc::timed_out) return refuse(http::status::request_timeout);
        return false;
      }
    }
  }

  // The last word on this connection: after a request that wasn't understood nobody knows where the next begins.
  bool refuse(http::status why) {
    open_ = false;
    respond(why, view(http::obsolete_reason(why)));
    return false;
  }

  void route();
  void respond_stats();
  void respond_sleep(std::string_view query);

  void respond(http::status status, std::string_view body, std::string_view more_fields = {}) {
    out_ += "HTTP/1.1 ";
    append_number(out_, static_cast<int>(status));
    out_ += ' ';
    out_ += view(http::obsolete_reason(status));
    out_ += "\r\nServer: weft\r\n";
    out_ += date_.text();
    out_ += "Content-Type: text/plain\r\nContent-Length: ";
    append_number(out_, static_cast<long long>(body.size()));
    out_ += "\r\n";
    out_ += more_fields;
    if (!open_) {
      out_ += "Connection: close\r\n";
    } else if (request_->version < 11) {
      out_ += "Connection: keep-alive\r\n";
    }
    out_ += "\r\n";
    if (request_->method != http::verb::head) out_ += body;
  }

  bool flush() {
    if (out_.empty()) return true;
    const auto sent = conn_.write_all(out_, server_.set.write_timeout);
    out_.clear();
    if (out_.capacity() > 4 * flush_at) out_.shrink_to_fit();
    return !sent.ec;
  }

  // Closing a socket with unread bytes in it resets the connection, and a reset may overtake the last
  // response. So: say that no more will come, and read for a moment what the client was still sending.
  void linger() {
    (void)conn_.shutdown_write();
    in_.clear();
    const auto deadline = weft::clock::now() + 1s;
    const auto room = in_.prepare(header_chunk);
    for (std::size_t n = 0; n < body_limit;) {
      const auto got = conn_.read(std::span(static_cast<char*>(room.data()), room.size()), deadline);
      if (!got) return;
      n += got.n;
    }
  }

  server& server_;
  weft::net::conn conn_;
  beast::flat_buffer in_{header_limit + body_chunk};
  std::string out_;
  std::string target_;
  std::string body_;
  std::optional<request> request_;
  date_line date_;
  bool open_ = true;  // there may be a next request
};

// ----------------------------------------------------------------------------------------- the routes

void connection::route() {
  std::string_view path = target_;
  std::string_view query;
  if (path.starts_with("http://")) path = path.substr(std::min(path.find('/', 7), path.size()));  // as proxies ask
  if (path.empty()) path = "/";
  if (const auto mark = path.find('?'); mark != path.npos) {
    query = path.substr(mark + 1);
    path = path.substr(0, mark);
  }
  const bool get = request_->method == http::verb::get || request_->method == http::verb::head;
  const bool echo = path == "/echo";
  if (path != "/" && path != "/stats" && path != "/sleep" && !echo) {
    respond(http::status::not_found, "not found\n");
  } else if (echo ? request_->method != http::verb::post : !get) {
    respond(http::status::method_not_allowed, "method not allowed\n",
            echo ? "Allow: POST\r\n" : "Allow: GET, HEAD\r\n");
  } else if (path == "/") {
    respond(http::status::ok, "Hello, World!");
  } else if (path == "/stats") {
    respond_stats();
  } else if (path == "/sleep") {
    respond_sleep(query);
  } else {
    respond(http::status::ok, body_);
    if (body_.capacity() > body_chunk) std::string().swap(body_);
  }
}

void connection::respond_stats() {
  std::string text;
  const auto line = [&text](std::string_view name, long long value) {
    text.append(name).append(1, ' ');
    append_number(text, value);
    text += '\n';
  };
  line("fibers", static_cast<long long>(weft::num_fibers()));
  line("connections", server_.connections.load(std::memory_order_relaxed));
  line("sleeping", server_.sleeping.load(std::memory_order_relaxed));
  line("threads", static_cast<long long>(weft::runtime_stats().threads));
  line("procs", weft::procs());
  text.append(weft::procs_reason()).append(1, '\n');
  respond(http::status::ok, text);
}

void connection::respond_sleep(std::string_view query) {
  long long ms = -1;
  if (query.starts_with("ms=")) {
    const char* end = query.data() + query.size();
    if (std::from_chars(query.data() + 3, end, ms).ptr != end) ms = -1;
  }
  if (ms < 0 || ms > longest_sleep.count()) {
    respond(http::status::bad_request, "/sleep?ms=N, N from 0 to 60000\n");
    return;
  }
  if (!flush()) return;  // the responses before this one need not wait for it
  server_.sleeping.fetch_add(1, std::memory_order_relaxed);
  (void)weft::sleep(milliseconds(ms));
  server_.sleeping.fetch_sub(1, std::memory_order_relaxed);
  open_ = open_ && !server_.draining.done();
  respond(http::status::ok, "slept\n");
}

// ---------------------------------------------------------------------------------------- the server

// Says once a second at most what goes on for longer.
void complain(const char* what, const std::string& why) {
  static weft::clock::time_point last{};
  const auto now = weft::clock::now();
  if (now - last < 1s) return;
  last = now;
  std::fprintf(stderr, "http_server: %s: %s\n", what, why.c_str());
}

bool start_connection(server& s, weft::group& connections, weft::net::conn c) {
  try {
    const auto ec = connections.go(
        [&s, c = std::move(c)]() mutable {
          try {
            connection(s, std::move(c)).serve();
          } catch (const std::bad_alloc&) {  // this connection is given up, the others go on
          }
        },
        {.name = "connection"});
    return !ec;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void accept_all(server& s, weft::net::listener& listener, weft::group& connections) {
  while (!s.draining.done()) {
    auto c = listener.accept(s.draining);
    if (c && start_connection(s, connections, std::move(*c))) continue;
    if (s.draining.done()) break;
    // Out of files or memory, most likely. It passes when connections end; asking again at once would only
    // burn a CPU, and the kernel keeps who knocks meanwhile.
    complain("accept", c ? "out of memory" : c.error().message());
    (void)weft::sleep(20ms);
  }
  // Who was let in by the kernel before the end, but not yet by us, is served, too.
  while (auto c = listener.accept(0ms)) {
    if (!start_connection(s, connections, std::move(*c))) break;
  }
  (void)listener.close();
}

int serve(const settings& set) {
  auto stop = weft::notify_signals({SIGTERM, SIGINT});
  if (!stop) {
    std::fprintf(stderr, "http_server: cannot watch for signals: %s\n", stop.error().message().c_str());
    return 1;
  }
  const std::string address = set.host + ":" + std::to_string(set.port);
  auto listener = weft::net::listen("tcp", address);
  if (!listener) {
    std::fprintf(stderr, "http_server: cannot listen on %s: %s\n", address.c_str(), listener.error().message().c_str());
    return 1;
  }
  std::printf("http_server: listening on %s, %d Ps (%s)\n", listener->local_address().to_string().c_str(),
              weft::procs(), weft::procs_reason().c_str());
  std::fflush(stdout);

  weft::cancel_source draining;
  server s{.set = set, .draining = draining.context()};
  weft::group connections;  // declared after what its fibers use, so it joins them before that goes
  auto acceptor = weft::spawn([&] { accept_all(s, *listener, connections); }, {.name = "accept"});

  (void)stop->recv();

  // The drain. Idle connections see the context and close; busy ones finish what they have, answer with
  // "Connection: close", and end. A second signal or the time limit cuts those that are left.
  draining.cancel();
  acceptor.get();
  weft::cancel_source hurry;
  const auto impatience = weft::spawn([&] {
    if (stop->recv()) hurry.cancel();
  });
  if (connections.wait({hurry.context(), set.drain_timeout})) {
    std::fprintf(stderr, "http_server: %zu connections were cut\n", connections.size());
  }
  return 0;  // ~group cancels what is left, and joins it
}

// ---------------------------------------------------------------------------------------------- main

constexpr const char* usage =
    "usage: http_server [OPTION]...\n"
    "  --host ADDRESS            where to listen (127.0.0.1)\n"
    "  --port N                  0: any free port (8080)\n"
    "  --procs N                 number of Ps; 0: as many as make sense here (0)\n"
    "  --request-timeout-ms N    for a request to arrive once it has begun (10000)\n"
    "  --idle-timeout-ms N       between two requests (60000)\n"
    "  --write-timeout-ms N      for a client to take its responses (10000)\n"
    "  --drain-timeout-ms N      for requests in flight at SIGTERM (10000)\n";

// Exits with a message if it is not a number in the range.
int number(const char* name, std::string_view text, int most) {
  int n = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error == std::errc{} && end == text.data() + text.size() && n >= 0 && n <= most) return n;
  std::fprintf(stderr, "http_server: --%s needs a number from 0 to %d\n", name, most);
  std::exit(2);
}

settings parse(int argc, char** argv) {
  enum : int { host, port, procs, request_timeout, idle_timeout, write_timeout, drain_timeout, help };
  static constexpr std::array<option, 9> known{{{"host", required_argument, nullptr, host},
                                                {"port", required_argument, nullptr, port},
                                                {"procs", required_argument, nullptr, procs},
                                                {"request-timeout-ms", required_argument, nullptr, request_timeout},
                                                {"idle-timeout-ms", required_argument, nullptr, idle_timeout},
                                                {"write-timeout-ms", required_argument, nullptr, write_timeout},
                                                {"drain-timeout-ms", required_argument, nullptr, drain_timeout},
                                                {"help", no_argument, nullptr, help},
                                                {}}};
  constexpr int hour = 3'600'000;
  settings s;
  int which = 0;
  for (int c = 0; (c = getopt_long(argc, argv, "", known.data(), &which)) != -1;) {
    const auto value = [&](int most) { return number(known[static_cast<std::size_t>(which)].name, optarg, most); };
    switch (c) {
      case host:
        s.host = optarg;
        break;
      case port:
        s.port = value(65535);
        break;
      case procs:
        s.procs = value(1024);
        break;
      case request_timeout:
        s.request_timeout = milliseconds(value(hour));
        break;
      case idle_timeout:
        s.idle_timeout = milliseconds(value(hour));
        break;
      case write_timeout:
        s.write_timeout = milliseconds(value(hour));
        break;
      case drain_timeout:
        s.drain_timeout = milliseconds(value(hour));
        break;
      case help:
        std::fputs(usage, stdout);
        std::exit(0);
      default:
        std::fputs(usage, stderr);
        std::exit(2);
    }
  }
  if (optind != argc) {
    std::fputs(usage, stderr);
    std::exit(2);
  }
  return s;
}

// A file for each connection: take all that this process may have.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  const settings set = parse(argc, argv);
  raise_file_limit();
  return weft::run([&] { return serve(set); }, {.procs = set.procs});
}
