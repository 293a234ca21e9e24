#include "relay/kept_event.hpp"

#include <hiredis/hiredis.h>

#include <charconv>

#include "core/json_text.hpp"
#include "core/topic.hpp"
#include "core/ws_frame.hpp"
#include "exchange/same_message.hpp"

namespace zws {
namespace {

constexpr std::int64_t heard_ms_max = 9'000'000'000'000;  // nanoseconds can hold it

std::string_view text_of(const redisReply& reply) {
  const bool is_text = reply.type == REDIS_REPLY_STRING || reply.type == REDIS_REPLY_STATUS;
  return is_text && reply.str != nullptr ? std::string_view(reply.str, reply.len)
                                         : std::string_view{};
}

template <typename Number>
bool read_number(std::string_view text, Number& number) {
  const char* const end = text.data() + text.size();
  const auto [stopped, fault] = std::from_chars(text.data(), end, number);
  return fault == std::errc{} && stopped == end && !text.empty();
}

// What is written beside the key, so that a bridge with another route does not take it for its own kind.
std::string rule_of(const Route& route) {
  return route.overflow == Overflow::conflate ? "c" + route.key : std::string();
}

bool has_the_key_for(const Route& route, std::string_view rule) {
  if (route.overflow != Overflow::conflate) return true;
  return rule == rule_of(route) || (rule.empty() && route.key.empty());
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace

// FNV-1a: small, and the same everywhere and for ever.
unsigned KeptKeys::partition(std::string_view topic) noexcept {
  std::uint32_t hash = 2166136261U;
  for (const char c : topic) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return (hash ^ hash >> 16) % partitions;
}

std::string KeptKeys::in(unsigned partition) const {
  return prefix + '{' + std::to_string(partition) + '}';
}

std::string KeptKeys::stream(std::string_view topic, std::string_view source) const {
  return in(partition(topic)).append("h:").append(topic).append(":").append(source);
}

std::string KeptKeys::index(std::string_view topic) const {
  return in(partition(topic)).append("i:").append(topic);
}

std::string KeptKeys::lost(unsigned partition) const { return in(partition) + "lost"; }

std::string KeptKeys::probe(unsigned partition) const { return in(partition) + "probe"; }

std::string KeptKeys::life() const { return in(0) + "life"; }

std::string KeptKeys::scratch(std::string_view topic, std::string_view bridge) const {
  return in(partition(topic)).append("s:").append(bridge);
}

std::vector<std::string> keep_command(const KeptKeys& keys, const Event& event, const Route& route,
                                      std::int64_t heard_ms) {
  std::vector<std::string> words{"XADD",
                                 keys.stream(event.topic(), event.source()),
                                 "MAXLEN",
                                 "~",
                                 std::to_string(route.history),
                                 "0-" + std::to_string(event.seq()),
                                 "f",
                                 std::string(text_in_frame(event.frame())),
                                 "t",
                                 std::to_string(heard_ms)};
  if (event.has_key()) words.insert(words.end(), {"k", std::string(event.key())});
  if (event.overflow() == Overflow::conflate) words.insert(words.end(), {"r", rule_of(route)});
  return words;
}

std::optional<KeptEvent> read_entry(const redisReply& entry) {
  if (entry.type != REDIS_REPLY_ARRAY || entry.elements != 2) return std::nullopt;
  const std::string_view id = text_of(*entry.element[0]);
  KeptEvent kept;
  if (id.substr(0, 2) != "0-" || !read_number(id.substr(2), kept.seq) || kept.seq == 0 ||
      kept.seq > kept_seq_max)
    return std::nullopt;
  const redisReply& fields = *entry.element[1];
  if (fields.type != REDIS_REPLY_ARRAY) return kept;
  bool timed = false;
  for (std::size_t i = 0; i + 1 < fields.elements; i += 2) {
    const std::string_view name = text_of(*fields.element[i]);
    const std::string_view value = text_of(*fields.element[i + 1]);
    if (name == "f") kept.frame = value;
    if (name == "t")
      timed =
          read_number(value, kept.heard_ms) && kept.heard_ms > 0 && kept.heard_ms < heard_ms_max;
    if (name == "k") kept.key = value;
    if (name == "r") kept.rule = value;
  }
  if (!timed || kept.key.size() > Event::key_bytes_max) kept.frame = {};
  return kept;
}

EventPtr KeptEventReader::make(const KeptEvent& kept, std::string_view topic,
                               std::string_view source, const Route& route, SteadyTime received) {
  std::string id = R"(,"@id":")";
  id.append(source).append(":").append(std::to_string(kept.seq)).append("\"");
  if (kept.frame.empty() || !has_the_key_for(route, kept.rule) ||
      !is_message_of(kept.frame, topic, id))
    return nullptr;
  Event::Fields fields;
  fields.topic = topic;
  fields.topic_hash = topic_hash(topic);
  fields.source = source;
  fields.seq = fields.last_seq = kept.seq;
  fields.key = kept.key;
  fields.overflow = route.overflow;
  fields.received = received;
  const FrameHeader header(Opcode::text, kept.frame.size());
  return Event::make(fields, std::vector<std::string_view>{header.bytes(), kept.frame});
}

// An object with a `type` that ends with our @id, and says of this topic: by its own `topic`, or by our
// @topic where it names another.
bool KeptEventReader::is_message_of(std::string_view frame, std::string_view topic,
                                    std::string_view id) {
  const std::size_t brace = frame.rfind('}');
  if (brace == std::string_view::npos || !ends_with(frame.substr(0, brace), id)) return false;
  const PayloadFacts facts = reader_.read(frame, topic, {});
  if (facts.kind != PayloadKind::typed_object) return false;
  if (!facts.names_at_topic) return facts.topic == TopicMember::same;
  std::string ours = R"(,"@topic":)";
  append_json_string(ours, topic);
  return ends_with(frame.substr(0, brace - id.size()), ours);
}

}  // namespace zws
