#include "relay/call_text.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/json_text.hpp"
#include "core/position.hpp"
#include "core/topic.hpp"
#include "core/user.hpp"

namespace zws {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t version = 1;
constexpr std::size_t head_bytes_max = std::size_t{512} << 10;
constexpr std::size_t events_max = 1024;
constexpr std::size_t answer_bytes_max = std::size_t{64} << 10;
constexpr std::size_t name_bytes_max = 64;
constexpr std::size_t nesting_max = 8;

constexpr std::array<std::string_view, 4> kinds{"publish", "close_client", "close_user", "totals"};

std::string_view name_of(FleetCall::Kind kind) { return kinds[static_cast<std::size_t>(kind)]; }

std::optional<FleetCall::Kind> kind_of(std::string_view name) {
  const auto found = std::find(kinds.begin(), kinds.end(), name);
  if (found == kinds.end()) return std::nullopt;
  return static_cast<FleetCall::Kind>(found - kinds.begin());
}

// --- reading -------------------------------------------------------------------------------------

// An object that is one, of our version; null for anything else.
Json object_of(std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max || json_nesting(text) > nesting_max) return nullptr;
  Json object = Json::parse(text, nullptr, false);
  if (!object.is_object() || object.value("v", Json()) != Json(version)) return nullptr;
  return object;
}

bool read(const Json& object, const char* name, std::string& into) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return false;
  into = found->get<std::string>();
  return true;
}

// Up to 2^63-1.
template <typename Number>
bool read(const Json& object, const char* name, Number& into) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_unsigned()) return false;
  const auto number = found->get<std::uint64_t>();
  if (number > INT64_MAX) return false;
  into = static_cast<Number>(number);
  return true;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= name_bytes_max && !has_control(text);
}

bool read_event(const Json& told, std::string_view& payloads, std::size_t payload_max,
                std::vector<FleetEvent>& events) {
  FleetEvent event;
  if (!told.is_object() || !read(told, "topic", event.topic) || !read(told, "src", event.source) ||
      !read(told, "seq", event.seq) || !read(told, "ts", event.sent_ns))
    return false;
  if (topic_fault(event.topic) != TopicFault::none || !is_source(event.source) || event.seq == 0)
    return false;
  if (std::size_t bytes = 0; read(told, "bytes", bytes)) {
    if (bytes > payloads.size() || bytes > payload_max) return false;
    event.payload = payloads.substr(0, bytes);
    payloads.remove_prefix(bytes);
  } else if (told.contains("bytes") || events.empty()) {
    return false;
  } else {
    event.payload = events.back().payload;
  }
  events.push_back(std::move(event));
  return true;
}

bool read_events(const Json& head, std::string_view payloads, std::size_t payload_max,
                 std::vector<FleetEvent>& events) {
  const auto told = head.find("events");
  if (told == head.end() || !told->is_array() || told->empty() || told->size() > events_max)
    return false;
  const bool all = std::all_of(told->begin(), told->end(), [&](const Json& each) {
    return read_event(each, payloads, payload_max, events);
  });
  return all && payloads.empty();
}

bool read_call(const Json& head, std::string_view payloads, std::size_t payload_max,
               FleetCall& call) {
  switch (call.kind) {
    case FleetCall::Kind::publish: return read_events(head, payloads, payload_max, call.events);
    case FleetCall::Kind::close_client:
      return payloads.empty() && read(head, "whom", call.whom) && is_source(call.whom);
    case FleetCall::Kind::close_user:
      return payloads.empty() && read(head, "whom", call.whom) && is_user(call.whom);
    case FleetCall::Kind::totals: return payloads.empty();
  }
  return false;
}

}  // namespace

std::string CallText::text() const {
  std::string payloads;
  std::string events;
  for (std::size_t i = 0; i < call.events.size(); ++i) {
    const FleetEvent& event = call.events[i];
    JsonObject told;
    told.text("topic", event.topic)
        .text("src", event.source)
        .number("seq", event.seq)
        .number("ts", static_cast<std::uint64_t>(event.sent_ns));
    if (i == 0 || event.payload != call.events[i - 1].payload) {
      told.number("bytes", event.payload.size());
      payloads += event.payload;
    }
    events += (i == 0 ? "" : ",") + told.done();
  }
  JsonObject head;
  head.number("v", version)
      .text("id", id)
      .text("from", from)
      .number("sent_ms", static_cast<std::uint64_t>(sent_ms))
      .text("call", name_of(call.kind));
  if (!call.events.empty()) head.json("events", '[' + events + ']');
  if (!call.whom.empty()) head.text("whom", call.whom);
  return head.done() + '\n' + payloads;
}

std::optional<CallText> CallText::parse(std::string_view text, std::size_t payload_max) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const Json head = object_of(text.substr(0, end), head_bytes_max);
  CallText told;
  std::string call;
  if (!head.is_object() || !read(head, "id", told.id) || !read(head, "from", told.from) ||
      !read(head, "sent_ms", told.sent_ms) || !read(head, "call", call))
    return std::nullopt;
  const auto kind = kind_of(call);
  if (!kind || !is_source(told.id) || !is_name(told.from)) return std::nullopt;
  told.call.kind = *kind;
  if (!read_call(head, text.substr(end + 1), payload_max, told.call)) return std::nullopt;
  return told;
}

std::string AnswerText::text() const {
  return JsonObject()
      .number("v", version)
      .text("id", id)
      .text("from", from)
      .number("reached", answer.reached)
      .json("totals", answer.totals)
      .done();
}

std::optional<AnswerText> AnswerText::parse(std::string_view text) {
  const Json object = object_of(text, answer_bytes_max);
  AnswerText told;
  if (!object.is_object() || !read(object, "id", told.id) || !read(object, "from", told.from) ||
      !read(object, "reached", told.answer.reached) || !is_source(told.id) || !is_name(told.from))
    return std::nullopt;
  if (const auto totals = object.find("totals"); totals != object.end() && totals->is_object())
    told.answer.totals = totals->dump(-1, ' ', false, Json::error_handler_t::replace);
  return told;
}

}  // namespace zws
