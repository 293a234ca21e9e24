// TopicSources: what the SourceTable knows of a topic and of its sources.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/route_table.hpp"
#include "core/clock.hpp"
#include "exchange/pattern_lanes.hpp"
#include "exchange/presence.hpp"

namespace zws {

class Topic;

struct SourceRecord {
  std::string name;
  std::uint64_t newest = 0;
  std::int64_t newest_ns = 0;
  std::uint64_t heard = 0;
  SteadyTime heard_at{};
  std::uint64_t missed = 0;
  std::uint64_t again_seq =
      0;  // the last of `again` events in a row that look like a new beginning
  std::int64_t again_ns = 0;
  std::uint32_t again = 0;
  bool assumed = false;         // never heard here: what is known of it an archive says
  bool late_told = false;       // ... and that what comes now was to come
  std::uint16_t under_way = 0;  // ... so many of its last events others heard just then
  Presence presence;
};

// What only topics of producers that send no header have, those that are watched for silence, those of which
// an archive said something, and those with more sources than are known.
struct TopicExtras {
  std::uint64_t fleet_seq = 0;  // of what other bridges get with its number
  SteadyTime own_heard{};
  Presence own;                  // of the topic's own source
  SteadyTime due{};              // when SourceWatch looks at the topic again; zero: not by itself
  std::uint64_t assumed_at = 0;  // the arrival number of what an archive said last of a source
  bool forgot = false;           // one of its sources, at least once
};

struct TopicSources {
  Topic* record = nullptr;    // that they hang on
  std::uint32_t id = 0;       // the topic's
  std::uint32_t matched = 0;  // by which routes: so many reloads had been
  const Route* route = nullptr;
  TopicSources* older = nullptr;  // heard from before this one
  TopicSources* newer = nullptr;
  SteadyTime heard{};
  std::uint64_t own_seq = 0;
  std::uint64_t generation = 0;  // topics forgotten when this one was first heard of
  PatternLanes::Answer by_pattern;
  std::unique_ptr<TopicExtras> extras;  // null: none
  std::vector<SourceRecord> sources;
};

}  // namespace zws
