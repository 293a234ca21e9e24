// History: the newest events of each topic, for those who missed them.
//
// Thread: its lane only. Lifetime: keeps EventPtr, so payload bytes are shared with what is in
// flight and with the other lanes.
// Bounds: history.size events (or the route's) no older than history.ttl (or the route's) per topic;
// on a conflate route the newest event of each key; history.bytes in all, bookkeeping included (the
// oldest event of all topics goes first); limits.topics topics and limits.sources_per_topic sources,
// those heard from longest ago are forgotten first.
// Cost: record() is amortised O(1), <= 100 ns; no timer, expiry happens as events pass and in sweep().
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "core/clock.hpp"
#include "core/event.hpp"
#include "core/pattern.hpp"
#include "core/position.hpp"

namespace zws {

struct Recovery {
  bool recovered = false;
  std::vector<EventPtr> events;  // in order of arrival
};

struct TopicPosition {
  std::string topic;
  std::vector<Position> positions;
};

struct Fetched {
  std::vector<EventPtr> events;
  bool complete = false;  // all of from..to are here
};

class History {
 public:
  History(ConfigPtr config, const Clock& clock = Clock::real());
  ~History();

  // Remembers an event (Kind::gap breaks the run of its source). Events of one source on one topic
  // come with rising seq.
  void record(const EventPtr& event);

  // Where live events begin: the newest position of each source known on the topic.
  std::vector<Position> positions(std::string_view topic);

  // What a client that stands at `since` on `topic` missed. Whole or not recovered.
  Recovery recover(std::string_view topic, const std::vector<Position>& since,
                   std::size_t events_max, std::size_t bytes_max);

  // The same for a pattern: `since` holds the topics the client knows; a topic that matches and is
  // not named must be retained from seq 1 of each of its sources. Merged in order of arrival.
  Recovery recover(const Pattern& pattern, const std::vector<TopicPosition>& since,
                   std::size_t events_max, std::size_t bytes_max);

  // The newest `count` events of a topic or pattern, oldest first, at most `bytes_max` of frames.
  std::vector<EventPtr> newest(const Pattern& pattern, std::size_t count, std::size_t bytes_max);

  // Events `from` to `to` of one source, as far as they are retained.
  Fetched fetch(std::string_view topic, std::string_view source, std::uint64_t from,
                std::uint64_t to, std::size_t events_max, std::size_t bytes_max);

  // A topic with subscribers is not forgotten; the Router says when that begins and ends.
  void pin(std::string_view topic);
  void unpin(std::string_view topic);

  // Forgets what is past its age; call it about once a second. Bounded work per call.
  void sweep();

  void reload(ConfigPtr config);

  std::size_t bytes() const noexcept;
  std::size_t topics() const noexcept;

  // Pages for REST: up to `limit` topics after `cursor` in name order / events of one topic.
  std::vector<std::string> topics_after(std::string_view cursor, std::size_t limit) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zws
