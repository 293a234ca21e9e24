// Client protocol: what a client may say, and how the bridge answers (docs/CLIENTS.md).
//
// Thread: any; pure functions. parse_request() throws nothing but std::bad_alloc; a message is JSON
// of at most 32 levels or it is refused before it is parsed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error_code.hpp"
#include "core/position.hpp"
#include "exchange/history.hpp"

namespace zws {

enum class RequestType : std::uint8_t {
  subscribe,
  unsubscribe,
  fetch,
  ping,
  get_stats,
  auth,
};

// Where a client stands: one topic's positions, or those of each topic a pattern matched.
struct Since {
  bool by_topic = false;
  std::vector<Position> positions;    // by_topic = false
  std::vector<TopicPosition> topics;  // by_topic = true; in order of name
};

struct Refusal {
  ErrorCode code = ErrorCode::none;
  std::string message;
  std::string id;  // as JSON
};

struct Request {
  RequestType type{};
  std::string id;                   // as JSON, to be echoed; empty: none
  std::vector<std::string> topics;  // subscribe, unsubscribe, fetch: as named, unchecked
  std::optional<Since> since;
  bool sources = false;             // subscribe: to be told of sources
  std::optional<std::size_t> last;  // subscribe; fetch, in place of the next three
  std::string source;               // fetch
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::string token;  // auth
  Refusal fault;      // subscribe, fetch: what is wrong beside the topics; the answer names them
};

// Exactly one of the two is set.
struct ParsedRequest {
  std::optional<Request> request;
  Refusal refusal;
};

ParsedRequest parse_request(std::string_view message);

// {"type":"error","code":C,"message":...,"id":...}
std::string error_text(ErrorCode code, std::string_view message, std::string_view id = {});

// {"type":TYPE,"topic":T,"success":false,"code":C,"message":...,"id":...}
std::string refused_text(std::string_view type, std::string_view topic, ErrorCode code,
                         std::string_view message, std::string_view id);

std::string positions_json(const std::vector<Position>& positions);

}  // namespace zws
