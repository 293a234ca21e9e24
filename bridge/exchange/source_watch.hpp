// SourceWatch: which lanes want to be told of the sources of which topics, and what there is to tell: that a
// source is lost, silent, or alive again.
//
// What was told last of each source stands in its Presence. A topic is looked at when something of it may have
// changed: when an event comes, when the time of its route's `expect` is over, and all topics, in slices, when
// a connection has ended (SourceTable::tend). Where nobody wants to be told nothing is looked at.
//
// Thread: one at a time (the exchange's mutex). Bound: the subscriptions that ask; a date for each topic.
// At most one change a second is told of each source and topic: the latest, when the second is over.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/route_table.hpp"
#include "core/clock.hpp"
#include "core/pattern.hpp"
#include "exchange/heap_bytes.hpp"
#include "exchange/lane_set.hpp"
#include "exchange/pattern_lanes.hpp"
#include "exchange/source_records.hpp"

namespace zws {

// A change, and the lanes to be told of it.
struct SourceNews {
  std::string topic;
  std::uint64_t hash = 0;
  std::uint32_t topic_id = 0;
  std::string src;
  SourceState state = SourceState::unknown;
  LaneSet lanes = 0;
};

class SourceWatch {
 public:
  // A lane wants to be told from now on; it did not before. And no more.
  void begins(const Pattern& pattern, std::size_t lane);
  void ends(const Pattern& pattern, std::size_t lane) noexcept;

  bool any() const noexcept { return count_ != 0; }
  // Those to be told of this topic. Costs a look-up.
  LaneSet lanes(std::string_view topic) const;

  const LiveConnections& live() const noexcept { return live_; }
  void opened(std::uint64_t connection) { live_.insert(connection); }
  void ended(std::uint64_t connection) noexcept;

  SourceState state(const Presence& presence, SteadyTime heard, const Route& route,
                    SteadyTime now) const noexcept;

  // An event of it has come: the lanes that are to be told that it is alive.
  LaneSet heard(TopicSources& topic, Presence& presence, const Route& route, SteadyTime now);

  // Somebody is about to be told what is the case: where nobody else is told that is what was told last, and
  // where others were told something else the next look tells all of them.
  void adopt(TopicSources& topic, const Route& route, SteadyTime now);

  // What has changed and may be told now; `own`: the name of the topic's own source.
  void look_at(TopicSources& topic, const Route& route, const std::string& own, SteadyTime now,
               std::vector<SourceNews>& news);

  // A topic whose date is over, if there is one.
  TopicSources* due(SteadyTime now) const noexcept {
    return dates_.empty() || dates_.begin()->first > now ? nullptr : dates_.begin()->second;
  }

  // So often all topics are to be gone through.
  unsigned rounds() const noexcept { return rounds_; }
  void round_done() noexcept {
    if (rounds_ > 0) --rounds_;
  }

  // Those of the topic, which are made if there are none yet.
  TopicExtras& extras(TopicSources& topic);

  void forget(TopicSources& topic) noexcept;

  // What it takes, and the extras of all topics.
  std::size_t bytes() const noexcept {
    return dates_.size() * bytes_per_date + extras_ * heap_bytes(sizeof(TopicExtras));
  }

 private:
  static constexpr std::size_t bytes_per_date = 64;

  static SteadyTime date(const TopicSources& topic) noexcept;
  void arm(TopicSources& topic, SteadyTime due);

  std::map<std::string, LanesOfPattern, std::less<>> by_name_;
  PatternLanes patterns_;
  std::size_t count_ = 0;
  LiveConnections live_;
  std::set<std::pair<SteadyTime, TopicSources*>> dates_;
  std::size_t extras_ = 0;
  unsigned rounds_ = 0;
};

}  // namespace zws
