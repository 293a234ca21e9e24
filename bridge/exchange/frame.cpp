#include "exchange/frame.hpp"

#include <cassert>
#include <functional>

#include "core/json_text.hpp"
#include "core/topic.hpp"
#include "core/ws_frame.hpp"

namespace zws {
namespace {

void append_number(std::string& out, std::uint64_t number) { out += std::to_string(number); }

void append_id(std::string& out, const Event::Fields& fields) {
  out.append(R"(,"@id":")").append(fields.source) += ':';
  append_number(out, fields.seq);
  out += '"';
}

void append_base64(std::string& out, std::string_view bytes) {
  constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    const auto byte = [&](std::size_t k) -> unsigned {
      return k < left ? static_cast<unsigned char>(bytes[i + k]) : 0U;
    };
    const unsigned group = byte(0) << 16 | byte(1) << 8 | byte(2);
    out += alphabet[group >> 18];
    out += alphabet[group >> 12 & 63];
    out += left > 1 ? alphabet[group >> 6 & 63] : '=';
    out += left > 2 ? alphabet[group & 63] : '=';
  }
}

// A key that is too long to store stands for itself by its hash: the same on all bridges of a fleet.
std::string bounded_key(std::string_view key) {
  if (key.size() <= Event::key_bytes_max) return std::string(key);
  return "#" + std::to_string(std::hash<std::string_view>{}(key)) + "#" +
         std::to_string(key.size());
}

}  // namespace

std::string gap_text(std::string_view topic, std::string_view source, std::uint64_t from,
                     std::uint64_t to, std::uint64_t missed, std::string_view reason) {
  std::string text = R"({"type":"gap","topic":)";
  append_json_string(text, topic);
  text += R"(,"src":")";
  text.append(source).append(R"(","from":)");
  append_number(text, from);
  text += R"(,"to":)";
  append_number(text, to);
  text += R"(,"missed":)";
  append_number(text, missed);
  text.append(R"(,"reason":")").append(reason).append("\"}");
  return text;
}

std::string event_json(const Event& event) {
  const std::string_view frame = event.frame();
  const auto length = static_cast<unsigned char>(frame[1]);
  const std::string_view payload = frame.substr(length <= 125 ? 2 : length == 126 ? 4 : 10);
  if (!event.raw()) return std::string(payload);
  std::string text = R"({"data":)";
  if (!is_utf8_payload(payload)) {
    text += '"';
    append_base64(text, payload);
    return text += R"(","encoding":"base64"})";
  }
  append_json_string(text, payload);
  return text += '}';
}

EventPtr Renderer::gap(Event::Fields fields, std::string_view reason) {
  fields.kind = Event::Kind::gap;
  const std::string text = gap_text(fields.topic, fields.source, fields.seq, fields.last_seq,
                                    fields.last_seq - fields.seq + 1, reason);
  const FrameHeader header(Opcode::text, text.size());
  return Event::make(fields, std::vector<std::string_view>{header.bytes(), text});
}

EventPtr Renderer::source(Event::Fields fields, std::string_view state, std::int64_t now_ns) {
  fields.kind = Event::Kind::source;
  std::string text = R"({"type":"source","topic":)";
  append_json_string(text, fields.topic);
  text.append(R"(,"src":")").append(fields.source);
  text.append(R"(","state":")").append(state);
  text.append(R"(","timestamp":")").append(rfc3339_ns(now_ns)).append("\"}");
  const FrameHeader header(Opcode::text, text.size());
  return Event::make(fields, std::vector<std::string_view>{header.bytes(), text});
}

EventPtr Renderer::render(const Arrival& arrival, Event::Fields fields, const Route& route,
                          std::int64_t now_ns) {
  fields.kind = Event::Kind::message;
  fields.last_seq = fields.seq;
  fields.overflow = route.overflow;
  fields.raw = route.format == EventFormat::raw;
  const bool wants_key = route.overflow == Overflow::conflate && arrival.key.empty();
  const std::string_view key_member = wants_key ? std::string_view(route.key) : std::string_view{};

  PayloadFacts facts;
  pieces_.assign(1, {});
  if (!fields.raw || !key_member.empty())
    facts = reader_.read(arrival.payload, arrival.topic, key_member);
  if (fields.raw) {
    pieces_.push_back(arrival.payload);
  } else if (facts.kind == PayloadKind::typed_object) {
    object_pieces(arrival.payload, facts, fields);
  } else {
    message_pieces(arrival, facts.kind, fields, now_ns);
  }

  const std::string key = bounded_key(wants_key ? facts.key : arrival.key);
  fields.key = key;
  std::size_t size = 0;
  for (const std::string_view piece : pieces_) size += piece.size();
  const FrameHeader header(fields.raw ? Opcode::binary : Opcode::text, size);
  pieces_[0] = header.bytes();
  return Event::make(fields, pieces_);
}

void Renderer::object_pieces(std::string_view payload, const PayloadFacts& facts,
                             const Event::Fields& fields) {
  tail_.clear();
  if (facts.topic == TopicMember::absent) {
    tail_ += R"(,"topic":)";
    append_json_string(tail_, fields.topic);
  }
  if (facts.topic == TopicMember::different || facts.names_at_topic) {
    tail_ += R"(,"@topic":)";
    append_json_string(tail_, fields.topic);
  }
  append_id(tail_, fields);
  const std::size_t brace = payload.rfind('}');
  assert(brace != std::string_view::npos);
  pieces_.push_back(payload.substr(0, brace));
  pieces_.push_back(tail_);
  pieces_.push_back(payload.substr(brace));
}

void Renderer::message_pieces(const Arrival& arrival, PayloadKind kind, const Event::Fields& fields,
                              std::int64_t now_ns) {
  lead_ = R"({"type":"message","topic":)";
  append_json_string(lead_, fields.topic);
  lead_ += R"(,"data":)";
  pieces_.push_back(lead_);

  encoded_.clear();
  tail_.clear();
  if (kind == PayloadKind::json) {
    pieces_.push_back(arrival.payload);
  } else if (kind == PayloadKind::text) {
    append_json_string(encoded_, arrival.payload);
    pieces_.push_back(encoded_);
  } else {
    encoded_ = '"';
    append_base64(encoded_, arrival.payload);
    encoded_ += '"';
    pieces_.push_back(encoded_);
    tail_ = R"(,"encoding":"base64")";
  }

  tail_ += R"(,"timestamp":")";
  tail_ += rfc3339_ns(arrival.sent_ns != 0 ? arrival.sent_ns : now_ns);
  tail_ += '"';
  append_id(tail_, fields);
  tail_ += '}';
  pieces_.push_back(tail_);
}

}  // namespace zws
