// Member text: how a bridge tells of itself in Redis: one JSON object.
//
//   {"life":"9f2c...","beat":17,"name":"web-1:8000","version":"0.1.0","address":"127.0.0.1:8000",
//    "clients":2,"since":"2026-07-01T12:00:00.000Z","lag_ms":1,"state":"ready"}
//
// Thread: any; pure functions. What others wrote is checked: it may be anything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/fleet.hpp"

namespace zws {

struct MemberText {
  FleetMember member;
  std::string life;        // of the process, so that two with one name are told apart
  std::uint64_t beat = 0;  // grows with each time it is written

  std::string text() const;

  // Nothing for what is longer than 4 KiB or no such object. Members it does not know do no harm.
  static std::optional<MemberText> parse(std::string_view text);
};

}  // namespace zws
