// ErrorCode: why the bridge refuses what a client asks; docs/PROTOCOL.md names them.
//
// Thread: any; pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace zws {

enum class ErrorCode : std::uint8_t {
  none,
  invalid_json,
  invalid_message,
  unknown_type,
  invalid_topic,
  forbidden,
  unauthorized,
  invalid_token,
  token_expired,
  limit_exceeded,
  rate_limited,
  internal,
  count_
};

// In the order of the enum.
constexpr std::array<std::string_view, static_cast<std::size_t>(ErrorCode::count_)>
    error_code_names{"none",          "invalid_json",   "invalid_message", "unknown_type",
                     "invalid_topic", "forbidden",      "unauthorized",    "invalid_token",
                     "token_expired", "limit_exceeded", "rate_limited",    "internal"};

constexpr std::string_view name_of(ErrorCode code) noexcept {
  return error_code_names[static_cast<std::size_t>(code)];
}

}  // namespace zws
