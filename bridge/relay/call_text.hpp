// Call text: how a call goes from one bridge to the others through Redis, and how they answer.
//
// A call is a line of JSON, and behind it the payloads of its events, byte for byte:
//
//   {"v":1,"id":"9f2c...-17","from":"web-1:8000","sent_ms":1780000000000,"call":"publish",
//    "events":[{"topic":"a","src":"b1x-f","seq":4,"ts":1780000000000000000,"bytes":12},
//              {"topic":"b","src":"b1x-f","seq":1,"ts":1780000000000000000}]}\n...
//
// An event without "bytes" has the payload of the one before it. "call" may also be "close_client" or
// "close_user", with "whom", or "totals". An answer is {"v":1,"id":...,"from":...,"reached":N,"totals":{...}}.
//
// Thread: any; pure functions. What others wrote is checked as strictly as what a producer sends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/fleet.hpp"

namespace zws {

struct CallText {
  std::string id;    // 1-64 of A-Za-z0-9_-
  std::string from;  // the bridge's name
  std::int64_t sent_ms = 0;
  FleetCall call;

  std::string text() const;

  // Nothing for what is no call, for a topic or user that is none, and where a payload is longer than
  // `payload_max`.
  static std::optional<CallText> parse(std::string_view text, std::size_t payload_max);
};

struct AnswerText {
  std::string id;  // the call's
  std::string from;
  FleetAnswer answer;

  std::string text() const;
  static std::optional<AnswerText> parse(std::string_view text);
};

}  // namespace zws
