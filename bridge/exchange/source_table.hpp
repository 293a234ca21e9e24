// SourceTable: finds duplicates, gaps and restarts: which numbers of each source were seen on each topic.
//
// If no event came for the route's ttl, and no subscriber has held the topic since, the history has
// forgotten it (exchange/topics.hpp). Headerless events then start at seq 1 under a new source name, so
// that a new subscriber can get the topic from its first event. What is known of other sources stays as
// long as there is room: a pattern holds no topic, and its subscribers are told of losses all the same.
//
// A source that begins again is recognised by seq 1 that was sent later than its newest event; or,
// where that first event was lost, by three events in a row whose seq and time rise, sent later than
// it (example: the newest is seq 90 of 12:00:00; seq 2, 3 and 4 of 12:00:01, :02 and :03 follow). The
// events before the third count as duplicates, and a gap from 1 on tells of them.
//
// Thread: one at a time (the exchange's mutex).
// Bounds: limits.topics topics and limits.sources_per_topic sources on each, and in all a quarter of
// history.bytes (or 4 MiB); those heard from longest ago are forgotten. The list of free
// ids keeps the size it grew to until a reload, and only what forgetting frees counts in that bound.
// Cost: O(1) and a short scan over the topic's sources; no allocation for a known source.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "config/route_table.hpp"
#include "core/clock.hpp"
#include "core/sink.hpp"
#include "exchange/heap_bytes.hpp"
#include "exchange/lane_set.hpp"
#include "exchange/pattern_lanes.hpp"
#include "exchange/recent_list.hpp"
#include "exchange/source_records.hpp"
#include "exchange/source_watch.hpp"
#include "exchange/topics.hpp"

namespace zws {

struct Judgement {
  bool duplicate = false;     // not above the newest: drop it
  bool restart = false;       // the source began again
  bool in_doubt = false;      // a duplicate, or the source began again where nobody here heard it
  bool under_way = false;     // ... and others may have been quicker to hear this very event
  bool forgot = false;        // another source of the topic was forgotten for this one
  bool forgot_first = false;  // ... for the first time on this topic
  std::uint64_t missed_from = 0;  // > 0: missed_from .. seq-1 never came
  // > 0: of seq .. late_to it was taken on trust that they had been here, by an archive's word that arrived as
  // `late_since`.
  std::uint64_t late_to = 0;
  std::uint64_t late_since = 0;
  std::string_view source;  // valid until the next judge()
  std::uint64_t seq = 0;
  Topic* topic = nullptr;      // valid until the next judge()
  std::uint32_t topic_id = 0;  // the topic's while it is known; then another topic may get it
  const Route* route = nullptr;
  LaneSet lanes = 0;        // that listen to the topic
  LaneSet alive_lanes = 0;  // that are to be told first that the source is alive
};

// A source of a topic as it stands, for people who look.
struct KnownSource {
  std::string topic;
  std::string src;
  bool own = false;  // the bridge numbers what came without a number
  std::uint64_t seq = 0;
  std::uint64_t missed = 0;  // events before it that never came
  SteadyTime heard{};        // when the newest came
  SourceState state = SourceState::alive;
};

class SourceTable {
 public:
  // As the source of an arrival: the bridge numbers it, apart from what comes without a number.
  static constexpr std::string_view fleet = "@fleet";

  // `own_source` names this life of the bridge; it numbers what comes without a header. `routes`,
  // `topics` and `patterns` outlive the table.
  SourceTable(std::string own_source, const Config& config, const RouteTable& routes,
              Topics& topics, const PatternLanes& patterns);
  ~SourceTable();
  SourceTable(const SourceTable&) = delete;
  SourceTable& operator=(const SourceTable&) = delete;

  // Judges one arrival of `now` and moves the source on (a duplicate moves nothing).
  Judgement judge(const Arrival& arrival, std::uint64_t topic_hash, SteadyTime now);

  // The arrival, judged in doubt, is no duplicate: judges it as the source's first after it began again.
  Judgement begin_again(const Arrival& arrival, std::uint64_t topic_hash, SteadyTime now);

  // The newest number of a source on a topic; 0 if it is not known.
  std::uint64_t newest(std::string_view topic, std::uint64_t topic_hash,
                       std::string_view source) const noexcept;

  // How much later than others this bridge may hear an event; clocks differ, too.
  static constexpr std::chrono::seconds under_way_max{5};

  // What an archive knows of a source.
  struct Assumed {
    std::string_view source;
    std::uint64_t newest;
    std::int64_t newest_ns;  // Unix time: it was sent then or before
    std::size_t under_way;   // so many of the last came less than `under_way_max` ago
    std::uint64_t arrival;   // of this knowledge, among all that arrives
  };

  // It is not known here, and goes on from there. Where it begins again instead, and does not say when it sent
  // that, or says a time so near that clocks may differ by it, only what the events say can tell: those are judged
  // `in_doubt`, until one comes that is later.
  void assume(std::string_view topic, std::uint64_t topic_hash, const Assumed& archived,
              SteadyTime now);

  // Since when (Unix time) somebody may have listened here for what a source sent.
  void set_awaited_since(std::int64_t unix_ns) noexcept { awaited_since_ns_ = unix_ns; }

  // Asks `routes` from now on, for each topic when its next event comes; it must outlive the table.
  // Cost: no more than what it forgets, where there is less room now.
  void reload(const Config& config, const RouteTable& routes);

  // Appends the sources of a topic.
  void list(std::string_view topic, SteadyTime now, std::vector<KnownSource>& out) const;

  // The same for somebody who is told from now on (SourceWatch::begins) what changes.
  void list_before_watch(std::string_view topic, SteadyTime now, std::vector<KnownSource>& out);

  SourceWatch& watch() noexcept { return watch_; }
  // What has changed with sources that somebody wants to be told of. Looks at few topics, and no more once
  // `until` has come; true: there is more to look at.
  bool tend(const Clock& clock, SteadyTime until, std::vector<SourceNews>& news);

  std::size_t topics() const noexcept { return recent_.size(); }
  // What they take, with the records that are theirs.
  std::size_t bytes() const noexcept {
    return sources_bytes_ + watch_.bytes() + topics_.bytes_of_sources() +
           heap_bytes(free_ids_.capacity() * sizeof(free_ids_[0]));
  }

 private:
  using Source = SourceRecord;

  const Route& route_of(TopicSources& topic) const noexcept;
  const Route& route_of(const TopicSources& topic) const noexcept;
  TopicSources& topic(std::string_view name, std::uint64_t hash, SteadyTime now);
  std::uint32_t take_id() noexcept;
  const TopicSources* find(std::string_view topic, std::uint64_t hash) const noexcept;
  void keep_within_bounds();
  void spare_the_held();
  void forget(TopicSources& topic) noexcept;
  Judgement number(TopicSources& topic, const Arrival& arrival);
  LaneSet note_heard(TopicSources& topic, Presence& presence, std::uint64_t connection);
  std::string own_name(const TopicSources& topic) const;
  std::string fleet_name(const TopicSources& topic) const;
  Judgement follow(TopicSources& topic, const Arrival& arrival);
  static bool began_again(Source& source, const Arrival& arrival) noexcept;
  void shrink();
  std::size_t needed_bytes() const noexcept;
  Source& add_source(TopicSources& topic, std::string_view name);

  const std::string own_source_;
  std::int64_t awaited_since_ns_ = 0;
  std::size_t topics_max_ = 0;
  std::size_t sources_max_ = 0;
  std::size_t bytes_max_ = 0;
  const RouteTable* routes_;
  std::uint32_t reloads_ = 0;
  Topics& topics_;
  const PatternLanes& patterns_;
  SourceWatch watch_;
  RecentList<TopicSources> recent_;
  std::size_t sources_bytes_ = 0;
  std::vector<std::uint32_t> free_ids_;  // of forgotten topics
  std::uint64_t forgotten_ = 0;  // topics forgotten so far: a forgotten topic's numbers start anew,
                                 // so they must come under another name
  std::uint64_t heard_ = 0;
  std::string name_;  // of the bridge's own source on the topic just judged
};

}  // namespace zws
