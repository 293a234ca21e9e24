// Stage: what the tests of history need around it: a clock they move, configurations, and events as
// the exchange would make them.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/topic.hpp"
#include "exchange/history.hpp"
#include "exchange/topics.hpp"

namespace zws {

constexpr std::size_t all = std::size_t{1} << 30;  // more than any test holds

class FakeClock : public Clock {
 public:
  SteadyTime steady() const noexcept override { return steady_; }
  WallTime wall() const noexcept override { return wall_; }

  void advance(std::chrono::nanoseconds by) { steady_ += by; }
  void set_wall(WallTime to) { wall_ = to; }

 private:
  SteadyTime steady_{std::chrono::hours(1)};
  WallTime wall_{std::chrono::hours(24 * 365 * 50)};
};

inline Pattern pattern(std::string_view text) {
  auto parsed = Pattern::parse(text);
  if (!parsed) throw std::invalid_argument("not a pattern: " + std::string(text));
  return *parsed;
}

// {"a:1", "b:2"} as positions.
inline std::vector<Position> at(const std::vector<std::string>& texts) {
  std::vector<Position> positions;
  for (const std::string& text : texts) {
    const auto parsed = Position::parse(text);
    if (!parsed) throw std::invalid_argument("not a position: " + text);
    positions.push_back(*parsed);
  }
  return positions;
}

// What an event is made of; the frame holds its @id, padded to `frame_bytes`.
struct Sent {
  std::string topic;
  std::string source = "a";
  std::uint64_t seq = 1;
  std::string key{};
  bool raw = false;
  bool restart = false;
  std::size_t frame_bytes = 0;
};

inline Event::Fields fields_of(const Sent& sent, SteadyTime now) {
  Event::Fields fields;
  fields.topic = sent.topic;
  fields.topic_hash = topic_hash(sent.topic);
  fields.topic_id = static_cast<std::uint32_t>(
      sent.seq % 4);  // a poor number for a topic: others have it too, and it changes
  fields.source = sent.source;
  fields.seq = fields.last_seq = sent.seq;
  fields.key = sent.key;
  fields.raw = sent.raw;
  fields.restart = sent.restart;
  fields.received = now;
  return fields;
}

inline EventPtr make_event(const Sent& sent, SteadyTime now) {
  std::string frame = sent.topic + '@' + sent.source + ':' + std::to_string(sent.seq);
  if (frame.size() < sent.frame_bytes) frame.resize(sent.frame_bytes, '.');
  return Event::make(fields_of(sent, now), std::vector<std::string_view>{frame});
}

inline EventPtr make_gap(const Sent& sent, std::uint64_t last_seq, SteadyTime now) {
  Event::Fields fields = fields_of(sent, now);
  fields.kind = Event::Kind::gap;
  fields.last_seq = last_seq;
  return Event::make(fields, std::vector<std::string_view>{"gap"});
}

// "a:1" for each event; with `topics`, "topic@a:1".
inline std::vector<std::string> names(const std::vector<EventPtr>& events, bool topics = false) {
  std::vector<std::string> ids;
  for (const EventPtr& event : events) {
    const std::string id = std::string(event->source()) + ':' + std::to_string(event->seq());
    ids.push_back(topics ? std::string(event->topic()) + '@' + id : id);
  }
  return ids;
}

}  // namespace zws
