#include "client/client_protocol.hpp"

#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "core/json_text.hpp"
#include "core/keyed_hash.hpp"

namespace zws {
namespace {

using Json = nlohmann::json;

constexpr std::size_t nesting_max = 32;
constexpr std::size_t id_bytes_max = 128;
constexpr std::size_t sources_max = 256;  // in one `since` of one topic

struct Fault {
  ErrorCode code;
  std::string message;
};

[[noreturn]] void fail(ErrorCode code, std::string message) {
  throw Fault{code, std::move(message)};
}

// A member that is null is absent.
const Json* member_of(const Json& message, const char* name) {
  const auto found = message.find(name);
  return found == message.end() || found->is_null() ? nullptr : &*found;
}

// It comes back in each answer, so a long one would be multiplied by the topics of a request.
std::string id_of(const Json& message) {
  const Json* id = member_of(message, "id");
  if (id == nullptr) return {};
  if (!id->is_string() && !id->is_number())
    fail(ErrorCode::invalid_message, "id must be a string or a number");
  if (id->is_string() && id->get_ref<const std::string&>().size() > id_bytes_max)
    fail(ErrorCode::invalid_message, "id may have at most 128 bytes");
  return id->dump(-1, ' ', false, Json::error_handler_t::replace);
}

RequestType type_of(const Json& message) {
  const Json* type = member_of(message, "type");
  if (type == nullptr || !type->is_string())
    fail(ErrorCode::invalid_message, "a message has a string member \"type\"");
  const auto& name = type->get_ref<const std::string&>();
  if (name == "subscribe") return RequestType::subscribe;
  if (name == "unsubscribe") return RequestType::unsubscribe;
  if (name == "fetch") return RequestType::fetch;
  if (name == "ping") return RequestType::ping;
  if (name == "get_stats") return RequestType::get_stats;
  if (name == "auth") return RequestType::auth;
  fail(ErrorCode::unknown_type,
       "clients send subscribe, unsubscribe, fetch, ping, get_stats and auth");
}

std::string topic_of(const Json& message) {
  const Json* topic = member_of(message, "topic");
  if (topic == nullptr || !topic->is_string())
    fail(ErrorCode::invalid_message, "\"topic\" must be a string");
  return topic->get<std::string>();
}

// Each once, in the order in which they are named first.
std::vector<std::string> topics_of(const Json& message) {
  const Json* list = member_of(message, "topics");
  if (list == nullptr) return {topic_of(message)};
  if (member_of(message, "topic") != nullptr)
    fail(ErrorCode::invalid_message, "\"topic\" or \"topics\", not both");
  if (!list->is_array() || list->empty())
    fail(ErrorCode::invalid_message, "\"topics\" must be a list of strings that is not empty");
  std::vector<std::string> topics;
  std::unordered_set<std::string_view, KeyedHash> named;
  for (const Json& topic : *list) {
    if (!topic.is_string())
      fail(ErrorCode::invalid_message, "\"topics\" must be a list of strings");
    const auto& name = topic.get_ref<const std::string&>();
    if (named.insert(name).second) topics.push_back(name);
  }
  return topics;
}

// A message may name ten thousand, so they are not compared each with each.
void refuse_doubles(const std::vector<Position>& positions) {
  std::unordered_set<std::string_view, KeyedHash> sources;
  for (const Position& position : positions)
    if (!sources.insert(position.source).second)
      fail(ErrorCode::invalid_message, "\"since\" names a source twice");
}

std::vector<Position> positions_of(const Json& value) {
  std::vector<Position> positions;
  const auto add = [&](const Json& text) {
    if (!text.is_string()) fail(ErrorCode::invalid_message, "\"since\" holds \"SRC:SEQ\" strings");
    auto position = Position::parse(text.get_ref<const std::string&>());
    if (!position) fail(ErrorCode::invalid_message, "\"since\" holds \"SRC:SEQ\" strings");
    if (positions.size() >= sources_max)
      fail(ErrorCode::limit_exceeded, "\"since\" names more than 256 sources");
    positions.push_back(std::move(*position));
  };
  if (value.is_array()) {
    for (const Json& text : value) add(text);
  } else {
    add(value);
  }
  refuse_doubles(positions);
  return positions;
}

std::optional<Since> since_of(const Json& message) {
  const Json* value = member_of(message, "since");
  if (value == nullptr) return std::nullopt;
  Since since;
  if (value->is_object()) {
    since.by_topic = true;
    for (const auto& [topic, positions] : value->items())
      since.topics.push_back({topic, positions_of(positions)});
  } else if (value->is_array() || value->is_string()) {
    since.positions = positions_of(*value);
  } else {
    fail(ErrorCode::invalid_message, "\"since\" is a position, a list, or an object of lists");
  }
  return since;
}

// An integer from `least` to 2^63-1; 10.0 is one.
std::uint64_t integer_of(const Json& message, const char* name, std::uint64_t least) {
  const Json* value = member_of(message, name);
  const std::string allowed =
      '"' + std::string(name) + "\" must be an integer of at least " + std::to_string(least);
  if (value == nullptr || !value->is_number()) fail(ErrorCode::invalid_message, allowed);
  if (value->is_number_float()) {
    const auto number = value->get<double>();
    if (!(number >= static_cast<double>(least) && number < 0x1p63) || std::trunc(number) != number)
      fail(ErrorCode::invalid_message, allowed);
    return static_cast<std::uint64_t>(number);
  }
  if (!value->is_number_unsigned() && value->get<std::int64_t>() < 0)
    fail(ErrorCode::invalid_message, allowed);
  const auto number = value->get<std::uint64_t>();
  if (number < least || number > static_cast<std::uint64_t>(INT64_MAX))
    fail(ErrorCode::invalid_message, allowed);
  return number;
}

// False if it is absent.
bool boolean_of(const Json& message, const char* name) {
  const Json* value = member_of(message, name);
  if (value != nullptr && !value->is_boolean())
    fail(ErrorCode::invalid_message, '"' + std::string(name) + "\" must be true or false");
  return value != nullptr && value->get<bool>();
}

std::string string_of(const Json& message, const char* name) {
  const Json* value = member_of(message, name);
  if (value == nullptr || !value->is_string())
    fail(ErrorCode::invalid_message, '"' + std::string(name) + "\" must be a string");
  return value->get<std::string>();
}

// What is wrong beside the topics is told in the answer to each of them.
template <typename Read>
void read_rest(Request& request, Read&& read) {
  try {
    read();
  } catch (Fault& fault) {
    request.fault.code = fault.code;
    request.fault.message = std::move(fault.message);
  }
}

// What a gap names, or the newest of a topic or pattern.
void read_fetch(const Json& message, Request& request) {
  if (member_of(message, "last") != nullptr) {
    request.last = integer_of(message, "last", 0);
    return;
  }
  if (member_of(message, "src") == nullptr)
    fail(ErrorCode::invalid_message,
         "name \"src\", \"from\" and \"to\" as a gap does, or \"last\"");
  request.source = string_of(message, "src");
  request.from = integer_of(message, "from", 1);
  request.to = integer_of(message, "to", 1);
  if (!is_source(request.source))
    fail(ErrorCode::invalid_message, "\"src\" must be 1 to 64 of A-Za-z0-9_-");
  if (request.to < request.from)
    fail(ErrorCode::invalid_message, "\"to\" must not be below \"from\"");
}

Request request_of(const Json& message) {
  Request request;
  request.type = type_of(message);
  switch (request.type) {
    case RequestType::subscribe:
      request.topics = topics_of(message);
      read_rest(request, [&] {
        request.since = since_of(message);
        request.sources = boolean_of(message, "sources");
        if (member_of(message, "last") != nullptr) request.last = integer_of(message, "last", 0);
      });
      break;
    case RequestType::unsubscribe: request.topics = topics_of(message); break;
    case RequestType::fetch:
      request.topics = {topic_of(message)};
      read_rest(request, [&] { read_fetch(message, request); });
      break;
    case RequestType::auth: request.token = string_of(message, "token"); break;
    case RequestType::ping:
    case RequestType::get_stats: break;
  }
  return request;
}

}  // namespace

ParsedRequest parse_request(std::string_view message) {
  ParsedRequest parsed;
  const auto refuse = [&](ErrorCode code, std::string text) {
    parsed.refusal.code = code;
    parsed.refusal.message = std::move(text);
  };
  if (json_nesting(message) > nesting_max) {
    refuse(ErrorCode::invalid_json, "JSON nested deeper than 32");
    return parsed;
  }
  Json json(Json::value_t::discarded);
  // nlohmann takes a NUL for the end, whatever follows it; JSON holds none.
  if (message.find('\0') == std::string_view::npos) json = Json::parse(message, nullptr, false);
  if (json.is_discarded()) {
    refuse(ErrorCode::invalid_json, "this is not JSON");
    return parsed;
  }
  if (!json.is_object()) {
    refuse(ErrorCode::invalid_message, "a message is a JSON object");
    return parsed;
  }
  try {
    parsed.refusal.id = id_of(json);
    parsed.request = request_of(json);
    parsed.request->id = parsed.refusal.id;
  } catch (Fault& fault) {
    refuse(fault.code, std::move(fault.message));
  }
  return parsed;
}

std::string error_text(ErrorCode code, std::string_view message, std::string_view id) {
  return JsonObject()
      .text("type", "error")
      .text("code", name_of(code))
      .text("message", message)
      .json("id", id)
      .done();
}

std::string refused_text(std::string_view type, std::string_view topic, ErrorCode code,
                         std::string_view message, std::string_view id) {
  return JsonObject()
      .text("type", type)
      .text("topic", topic)
      .boolean("success", false)
      .text("code", name_of(code))
      .text("message", message)
      .json("id", id)
      .done();
}

std::string positions_json(const std::vector<Position>& positions) {
  std::string list = "[";
  for (const Position& position : positions) {
    if (list.size() > 1) list += ',';
    list += '"' + position.text() + '"';
  }
  return list += ']';
}

}  // namespace zws
