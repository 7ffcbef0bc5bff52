// SPDX-License-Identifier: Apache-2.0
#include <weft/error.hpp>

namespace weft::inline v0 {

namespace {

class category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "weft"; }
  [[nodiscard]] std::string message(int code) const override {
    switch (static_cast<errc>(code)) {
      case errc::closed:
        return "closed";
      case errc::eof:
        return "end of stream";
      case errc::canceled:
        return "canceled";
      case errc::timed_out:
        return "timed out";
      case errc::not_running:
        return "needs a running weft::run(), or to be called on a fiber";
      case errc::would_block:
        return "would block";
      case errc::bad_address:
        return "bad network address";
    }
    return "unknown weft error " + std::to_string(code);
  }
  [[nodiscard]] std::error_condition default_error_condition(int code) const noexcept override {
    switch (static_cast<errc>(code)) {
      case errc::canceled:
        return std::errc::operation_canceled;
      case errc::timed_out:
        return std::errc::timed_out;
      case errc::not_running:
        return std::errc::operation_not_permitted;
      case errc::would_block:
        return std::errc::operation_would_block;
      case errc::bad_address:
        return std::errc::invalid_argument;
      default:
        return {code, *this};
    }
  }
};

}  // namespace

const std::error_category& error_category() noexcept {
  static const category c;
  return c;
}

}  // namespace weft::inline v0
