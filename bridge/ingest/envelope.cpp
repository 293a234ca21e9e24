#include "ingest/envelope.hpp"

#include <simdjson.h>

#include <cmath>
#include <cstring>
#include <deque>

#include "core/event.hpp"
#include "core/position.hpp"
#include "core/topic.hpp"

namespace zws {
namespace {

constexpr std::size_t header_bytes_max = 4096;

// What some editors and libraries put before UTF-8. Nobody could subscribe to a topic that has it.
constexpr std::string_view bom = "\xEF\xBB\xBF";

bool starts_with_bom(std::string_view text) noexcept { return text.substr(0, bom.size()) == bom; }

RejectReason reason_of(TopicFault fault) noexcept {
  switch (fault) {
    case TopicFault::empty: return RejectReason::topic_empty;
    case TopicFault::too_long: return RejectReason::topic_too_long;
    case TopicFault::not_utf8: return RejectReason::topic_not_utf8;
    case TopicFault::control: return RejectReason::topic_control;
    case TopicFault::wildcard: return RejectReason::topic_wildcard;
    case TopicFault::reserved: return RejectReason::topic_reserved;
    case TopicFault::none: break;
  }
  return RejectReason::count_;
}

// A whole number, however it is written: some languages know no other numbers than 17.0 and 1.7e18.
bool read_integer(const simdjson::dom::element& value, std::int64_t& number) noexcept {
  if (value.get(number) == simdjson::SUCCESS) return true;
  constexpr double end = 9223372036854775808.0;  // 2^63
  double real = 0;
  if (!value.is_double() || value.get(real) != simdjson::SUCCESS) return false;
  if (!(real > -end && real < end) || real != std::trunc(real)) return false;
  number = static_cast<std::int64_t>(real);
  return true;
}

}  // namespace

struct Envelope::Header {
  simdjson::dom::parser parser;
  std::string padded;
  std::deque<std::string> texts;  // what arrivals point to

  // False if `text` is no JSON object; `members` are good until the next call.
  bool parse(std::string_view text, simdjson::dom::object& members) {
    if (text.empty() || text.size() > header_bytes_max) return false;
    padded.assign(text);
    padded.resize(text.size() + simdjson::SIMDJSON_PADDING);
    return parser.parse(padded.data(), text.size(), false).get(members) == simdjson::SUCCESS;
  }
};

Envelope::Envelope() : header_(std::make_unique<Header>()) {}
Envelope::~Envelope() = default;

void Envelope::reset() noexcept { header_->texts.clear(); }

Envelope::Result Envelope::open(const std::string_view* frames, std::size_t count) {
  Result result;
  Arrival& arrival = result.arrival;
  if (count >= 2) {
    arrival.topic = frames[0];
    if (count >= 3 && frames[1].empty() && !has_number(frames[2])) {
      arrival.payload = frames[2];
      count = 2;
    } else {
      arrival.payload = frames[1];
    }
  } else {
    const std::size_t space = frames[0].find(' ');
    if (space == std::string_view::npos) {
      arrival.topic = frames[0];
      result.rejected = RejectReason::no_payload;
      return result;
    }
    arrival.topic = frames[0].substr(0, space);
    arrival.payload = frames[0].substr(space + 1);
  }
  if (starts_with_bom(arrival.topic)) arrival.topic.remove_prefix(bom.size());
  const TopicFault fault = topic_fault(arrival.topic);
  if (fault != TopicFault::none) {
    result.rejected = reason_of(fault);
  } else if (arrival.payload.size() > rules_.event_bytes) {
    result.rejected = RejectReason::too_big;
  } else if (is_reserved(arrival.topic) && !rules_.commands) {
    result.rejected = RejectReason::commands_off;
  } else if (count >= 3) {
    result.header_ignored = !read_header(frames[2], result);
  }
  return result;
}

// Whether it is a header of ours beyond doubt: payloads may well have one of the two.
bool Envelope::has_number(std::string_view text) {
  simdjson::dom::object members;
  return header_->parse(text, members) && members["src"].error() == simdjson::SUCCESS &&
         members["seq"].error() == simdjson::SUCCESS;
}

// A header with one wrong member is not a header. If it names src or seq it is meant for us, and which
// member is wrong can be told; else it belongs to other software.
bool Envelope::read_header(std::string_view text, Result& result) {
  namespace dom = simdjson::dom;
  dom::object members;
  if (!header_->parse(text, members)) return false;

  std::string_view source;
  std::string_view key;
  std::int64_t seq = 0;
  std::int64_t sent_ns = 0;
  bool ours = false;
  std::string_view wrong;
  const auto demand = [&wrong](bool right, std::string_view name) {
    if (!right && wrong.empty()) wrong = name;
  };
  for (const auto member : members) {
    const dom::element& value = member.value;
    if (member.key == "src") {
      ours = true;
      demand(value.get(source) == simdjson::SUCCESS && is_source(source), "src");
    } else if (member.key == "seq") {
      ours = true;
      demand(read_integer(value, seq) && seq >= 1, "seq");
    } else if (member.key == "ts") {
      demand(read_integer(value, sent_ns) && sent_ns >= 0, "ts");
    } else if (member.key == "key") {
      demand(value.get(key) == simdjson::SUCCESS && key.size() <= Event::key_bytes_max, "key");
    }
  }
  if (!wrong.empty()) {
    if (ours) result.wrong_member = wrong;
    return false;
  }
  Arrival& arrival = result.arrival;
  arrival.sent_ns = sent_ns;
  if (!key.empty()) arrival.key = header_->texts.emplace_back(key);
  if (!source.empty() && seq != 0) {  // they count only together
    arrival.source = header_->texts.emplace_back(source);
    arrival.seq = static_cast<std::uint64_t>(seq);
  }
  return true;
}

}  // namespace zws
