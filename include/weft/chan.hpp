// SPDX-License-Identifier: Apache-2.0
// Channels, as in Go: typed, buffered or not, closable, from many fibers (and threads) to many.
//
//     weft::chan<int> c(16);                     // copies of the handle are the same channel
//     weft::go([c]() mutable {                   // so closures capture it by value
//       for (int i = 0; i < 100; ++i) (void)c.send(i);
//       c.close();
//     });
//     for (int v : c) sum += v;                  // until closed and drained
//
// Elements must be nothrow-movable; move-only types are fine. Values come out in the order they went
// in; blocked senders and receivers are served first come, first served.
//
// Thread-safe: any fiber or plain thread may call any member at any time. (A handle object itself
// must not be assigned to while another fiber uses that same object: copy it.)
#pragma once

#include <concepts>
#include <cstddef>
#include <expected>
#include <iterator>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>

#include <weft/detail/chan_core.hpp>
#include <weft/until.hpp>

namespace weft::inline v0 {

template <class T>
class chan {
 public:
  using value_type = T;

  /// Unbuffered: a send completes when a receiver takes the value.
  chan() : chan(std::size_t{0}) {}
  /// With room for `capacity` values. Throws std::length_error (negative or absurd), std::bad_alloc.
  explicit chan(std::size_t capacity) : core_(new detail::chan_core<T>(capacity)) {}
  /// Go's nil channel: send and receive block until `until` ends them, in a select they are never ready.
  template <std::same_as<std::nullptr_t> Nil>  // a template, so that chan<int>(0) is not ambiguous
  explicit chan(Nil) noexcept {}

  chan(const chan& o) noexcept : core_(o.core_) {
    if (core_ != nullptr) core_->retain();
  }
  chan(chan&& o) noexcept : core_(std::exchange(o.core_, nullptr)) {}
  chan& operator=(chan o) noexcept {
    std::swap(core_, o.core_);
    return *this;
  }
  ~chan() {
    if (core_ != nullptr) core_->release();
  }

  /// Sends; waits while the channel is full (or, unbuffered, until a receiver comes). May park.
  /// errc::closed, errc::canceled, errc::timed_out; on error an rvalue argument has not been moved from.
  [[nodiscard]] std::error_code send(T&& value, const until& u = {}) {
    if (core_ == nullptr) return block_for_ever(detail::wait_reason::chan_send_nil, u);
    return core_->send(value, u);
  }
  [[nodiscard]] std::error_code send(const T& value, const until& u = {}) {
    T copy(value);
    return send(std::move(copy), u);
  }

  /// Receives; waits while the channel is empty. May park. errc::closed once it is closed *and* drained.
  [[nodiscard]] std::expected<T, std::error_code> recv(const until& u = {}) {
    if (core_ == nullptr) return std::unexpected(block_for_ever(detail::wait_reason::chan_receive_nil, u));
    std::optional<T> out;
    if (auto ec = core_->recv(out, u)) return std::unexpected(ec);
    return std::move(*out);
  }

  /// As send() and recv(), but never waits: errc::would_block instead. Does not park.
  [[nodiscard]] std::error_code try_send(T&& value) {
    if (core_ == nullptr) return errc::would_block;
    return core_->try_send(value);
  }
  [[nodiscard]] std::error_code try_send(const T& value) {
    T copy(value);
    return try_send(std::move(copy));
  }
  [[nodiscard]] std::expected<T, std::error_code> try_recv() {
    if (core_ == nullptr) return std::unexpected(make_error_code(errc::would_block));
    std::optional<T> out;
    if (auto ec = core_->try_recv(out)) return std::unexpected(ec);
    return std::move(*out);
  }

  /// No more sends: blocked and later ones get errc::closed; receivers drain the buffer, then get
  /// errc::closed. Does not park. Throws std::logic_error if the channel is closed already or nil.
  void close() {
    if (core_ == nullptr) throw std::logic_error("weft::chan: close of a nil channel");
    core_->close();
  }

  /// Values in the buffer now, and how many fit. 0 for a nil channel.
  [[nodiscard]] std::size_t size() const noexcept {
    if (core_ == nullptr) return 0;
    std::lock_guard hold(core_->lock);
    return core_->count;
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return core_ == nullptr ? 0 : core_->capacity; }
  /// Whether close() was called (values may still be in the buffer).
  [[nodiscard]] bool closed() const noexcept {
    if (core_ == nullptr) return false;
    std::lock_guard hold(core_->lock);
    return core_->closed;
  }

  /// True unless this is the nil channel.
  explicit operator bool() const noexcept { return core_ != nullptr; }
  /// Same channel?
  friend bool operator==(const chan&, const chan&) noexcept = default;

  /// Receives until the channel is closed and drained, or the fiber's context is cancelled.
  class iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    explicit iterator(chan& c) : chan_(&c) { ++*this; }
    T& operator*() const noexcept { return *value_; }
    iterator& operator++() {
      value_.reset();
      if (auto r = chan_->recv()) value_.emplace(std::move(*r));
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const noexcept { return !value_.has_value(); }

   private:
    chan* chan_;
    mutable std::optional<T> value_;
  };
  iterator begin() { return iterator(*this); }
  std::default_sentinel_t end() const noexcept { return {}; }

  /// For weft's own code.
  [[nodiscard]] detail::chan_core<T>* core() const noexcept { return core_; }

 private:
  static std::error_code block_for_ever(detail::wait_reason why, const until& u) noexcept {
    detail::waiting wait(u);
    return detail::to_error(wait.park(why));
  }

  detail::chan_core<T>* core_ = nullptr;
};

}  // namespace weft::inline v0
