// TopicHistory: the newest events of one topic, and what is known of its sources.
//
// Thread: one at a time (the exchange's mutex). Bounds: what `Retention` says; the caller bounds bytes and age.
#pragma once

#include <tsl/hopscotch_map.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "core/event.hpp"
#include "core/keyed_hash.hpp"
#include "core/position.hpp"
#include "exchange/discarded.hpp"
#include "exchange/event_ring.hpp"
#include "exchange/past.hpp"
#include "exchange/selection.hpp"
#include "exchange/source_runs.hpp"

namespace zws {

// How much of a topic is kept.
struct Retention {
  std::size_t size = 0;  // events; where `conflate`, keys
  Duration ttl{};
  bool conflate = false;  // only the newest event of each key
  std::string key{};      // ... the payload's member that is the key; empty: the topic

  friend bool operator==(const Retention& a, const Retention& b) noexcept {
    return a.size == b.size && a.ttl == b.ttl && a.conflate == b.conflate && a.key == b.key;
  }
};

// Whether the event's key is the one that the rule means: the header gave it, or the payload was read
// for it, or the rule wants none.
inline bool key_known(const Event& event, const Retention& retention) noexcept {
  return retention.key.empty() || event.overflow() == Overflow::conflate || event.has_key();
}

// What an archive kept of the topic, as it is to be judged.
struct PastOfTopic {
  const Past& past;
  // Of each of its sources, up to which number the bridge has heard it; 0: it has not.
  const std::vector<std::uint64_t>& heard;
  std::optional<SteadyTime>
      forgotten;  // some of the sources that were last heard before this are not known
  SteadyTime now;
};

class TopicHistory {
 public:
  bool empty() const noexcept { return ring_.empty(); }
  std::size_t size() const noexcept { return ring_.size(); }
  const Retained& oldest() const noexcept { return ring_.front(); }
  SteadyTime newest_received() const noexcept { return newest_received_; }

  // Takes an event in. `keep` false: only its position (it is larger than all there is room for). Where
  // its source begins anew, what that had said goes to `discarded`.
  // Cost: O(1); where a source begins anew on a topic that has had others, a look at all that came since
  // it began.
  void record(const EventPtr& event, std::uint64_t arrival, const Retention& retention,
              std::size_t sources_max, bool keep, Discarded& discarded);

  // Puts what is older in front of what is here, wherever it joins without a hole, and knows the sources
  // that are not known yet. `next` numbers events downwards, as what arrived before all others. False, and
  // nothing has changed, where there is nothing to add or the sources are too many.
  bool fill(const PastOfTopic& past, const Retention& retention, std::size_t sources_max,
            std::uint64_t& next);

  // What the marker names is missing; its source goes on behind it.
  void gap(const Event& marker, std::uint64_t arrival, std::size_t sources_max);

  // The oldest event is gone, and with it the way back to before it.
  void drop_oldest() noexcept;

  // Drops what is past its age at `now`. True if something was.
  bool expire(SteadyTime now, Duration ttl) noexcept;

  // All that was heard is forgotten; what comes next continues nothing of it.
  void forget() noexcept;

  // Something of this topic was forgotten before it was known.
  void forgotten_before() noexcept { sources_.forgot_some(); }

  // How often something of it was forgotten.
  std::uint32_t forgot() const noexcept { return sources_.forgot(); }

  // Goes over to another rule. An event whose key the new rule cannot know (it came before, and its
  // payload was not read for it) stays as it is: none takes its place and it takes none's.
  void retain(const Retention& before, const Retention& after, std::size_t sources_max);

  std::vector<Position> positions() const { return sources_.positions(); }

  // Selects all that one who stands at `since` missed; false if it is not all here, does not fit, or
  // lies among too many others.
  // `proven`: it was there after whatever was forgotten (SourceRuns).
  bool missed(const std::vector<Position>& since, bool proven, bool conflate, Selection& out) const;

  // From its newest event to older ones; there must be one.
  EventRing::Cursor newest() const noexcept { return EventRing::Cursor(ring_); }

  // Events `from` to `to` of `source`, the first `count` of them. Each event looked at on the way that
  // is none of them takes one of `steps_left`; where they do not suffice, those found until then, which
  // are the first.
  // Cost: O(log events) where few others lie between the source's events.
  std::vector<const Retained*> range(std::string_view source, std::uint64_t from, std::uint64_t to,
                                     std::size_t count, std::size_t& steps_left) const;

  // Whether one who stands at `since` can have all it missed, however much that is.
  bool resumes(const std::vector<Position>& since, bool proven) const {
    std::vector<std::uint64_t> from;
    return sources_.resume(since, proven, from);
  }

  // The newest number of a source; 0 if it is not known.
  std::uint64_t newest_of(std::string_view source) const noexcept {
    const std::size_t place = sources_.find(source);
    return place == SourceRuns::none ? 0 : sources_[place].newest;
  }

  // Whether the events of `source` from `from` on are all here, or were replaced by later ones.
  bool holds(std::string_view source, std::uint64_t from) const noexcept {
    const std::size_t place = sources_.find(source);
    return place != SourceRuns::none && sources_[place].first <= from;
  }

  // Gives back memory no longer needed. Not done as events go, since most often others follow.
  void shrink();

  // The retained events; everything else.
  std::size_t event_bytes() const noexcept { return event_bytes_; }
  std::size_t bookkeeping_bytes() const noexcept;

 private:
  using KeyIndex = tsl::hopscotch_map<std::string_view, std::uint64_t, KeyedHash,
                                      std::equal_to<std::string_view>,
                                      std::allocator<std::pair<std::string_view, std::uint64_t>>,
                                      14>;  // the table is never smaller, and mostly it holds few

  void keep(const EventPtr& event, std::uint64_t arrival, const Retention& retention);
  void replace(const Event& newer, const Retention& retention);
  void forget_key(const Event& event, std::uint64_t arrival) noexcept;
  void discard(std::string_view source, std::uint64_t since, Discarded& discarded);
  void index_keys(const Retention& retention);
  std::size_t first_of(std::string_view source, std::uint64_t from, std::size_t& steps_left) const;

  EventRing ring_;
  SourceRuns sources_;
  // Of a conflate route, key -> arrival, as soon as there are two; views into the events.
  std::unique_ptr<KeyIndex> keys_;
  std::size_t event_bytes_ = 0;
  SteadyTime newest_received_{};
};

}  // namespace zws
