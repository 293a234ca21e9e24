// Every code with which the bridge ends a connection: number, meaning, and whether to come back.
// docs/PROTOCOL.md carries the same rows; a test compares them. Two rows are used for more than their
// text says: see there.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace zws {

enum class CloseCode : std::uint16_t {
  protocol_error = 1002,
  unsupported_data = 1003,
  not_utf8 = 1007,
  message_too_big = 1009,
  restart = 1012,
  try_later = 1013,
  too_many_errors = 4400,
  token = 4401,
  kicked = 4403,
  no_sign_of_life = 4408,
  slow_consumer = 4410,
  too_fast = 4429,
};

struct CloseRow {
  CloseCode code;
  std::string_view reason;     // the text in the close frame
  std::string_view come_back;  // what a client should do
};

constexpr std::array<CloseRow, 12> close_rows{{
    {CloseCode::protocol_error, "protocol error", "no"},
    {CloseCode::unsupported_data, "binary messages are not accepted", "no"},
    {CloseCode::not_utf8, "text that is not UTF-8", "no"},
    {CloseCode::message_too_big, "message too big", "no"},
    {CloseCode::restart, "the bridge stops or restarts", "yes"},
    {CloseCode::try_later, "full", "yes, later"},
    {CloseCode::too_many_errors, "too many errors", "no"},
    {CloseCode::token, "token missing, invalid or expired", "only with a new token"},
    {CloseCode::kicked, "disconnected by an administrator", "no"},
    {CloseCode::no_sign_of_life, "no sign of life", "yes"},
    {CloseCode::slow_consumer, "slow consumer", "yes"},
    {CloseCode::too_fast, "too many messages", "yes, later"},
}};

constexpr std::string_view reason_of(CloseCode code) noexcept {
  for (const CloseRow& row : close_rows) {
    if (row.code == code) return row.reason;
  }
  return "";
}

}  // namespace zws
