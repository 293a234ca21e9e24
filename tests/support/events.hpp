// Events as the exchange would make them, with a frame whose size a test may choose.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/event.hpp"
#include "core/topic.hpp"
#include "core/ws_frame.hpp"
#include "exchange/frame.hpp"

namespace zws {

struct Made {
  std::string topic;
  std::uint64_t seq = 1;
  Overflow overflow = Overflow::drop_oldest;
  std::size_t frame_bytes = 0;  // at least as many as the text needs
  std::string source = "s";
  std::string key{};
  std::uint64_t arrival = 0;
};

inline EventPtr make_event(const Made& made) {
  Event::Fields fields;
  fields.topic = made.topic;
  fields.topic_hash = topic_hash(made.topic);
  fields.topic_id = static_cast<std::uint32_t>(
      made.seq % 4);  // a poor number for a topic: others have it too, and it changes
  fields.source = made.source;
  fields.seq = fields.last_seq = made.seq;
  fields.key = made.key;
  fields.arrival = made.arrival;
  fields.overflow = made.overflow;
  std::string text = R"({"@id":")" + made.source + ':' + std::to_string(made.seq) + R"("})";
  // A header has 2 bytes, or 4 from 126 bytes on.
  const std::size_t header = made.frame_bytes < 128 ? 2 : 4;
  text.resize(std::max(text.size(), made.frame_bytes - std::min(made.frame_bytes, header)), ' ');
  return Event::make(fields, std::vector<std::string_view>{text_frame(text)});
}

// The same with a frame of such a size that the event counts as `bytes` where it waits; more if its text
// needs more.
inline Made counting_as(std::size_t bytes, Made made) {
  made.frame_bytes = 0;
  const EventPtr smallest = make_event(made);
  const std::size_t rest = smallest->queued_bytes() - smallest->frame().size();
  made.frame_bytes = bytes - std::min(bytes, rest);
  return made;
}

// "topic s:1" for a message, "topic s:1-3 missing" for a gap, "topic s lost" for what is told of a source.
inline std::string name_of(const Event& event) {
  if (event.kind() == Event::Kind::source) {
    const std::string frame(event.frame());
    const std::size_t state = frame.find(R"("state":")") + 9;
    return std::string(event.topic()) + ' ' + std::string(event.source()) + ' ' +
           frame.substr(state, frame.find('"', state) - state);
  }
  std::string name = std::string(event.topic()) + ' ' + std::string(event.source()) + ':' +
                     std::to_string(event.seq());
  if (event.is_gap()) name += '-' + std::to_string(event.last_seq()) + " missing";
  return name;
}

}  // namespace zws
