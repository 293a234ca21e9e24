// Ledger: which topics are pinned, that is held by subscribers, on which lanes and since when; and what
// else History and SourceTable have in common: the marks they give, and what sources take of history.bytes.
//
// A topic with neither subscribers nor history is forgotten. History and SourceTable come to the same
// answer, however late each of them looks, because it depends on two times alone: when the topic's
// history ran out, and since when subscribers have held it.
//
// Thread: one at a time (the exchange's mutex).
// Bound: the subscriptions, which the caller bounds; their memory is theirs and not the history's.
#pragma once

#include <tsl/hopscotch_map.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "core/topic.hpp"
#include "exchange/marks.hpp"

namespace zws {

// Lanes as bits; those from the 64th on share the last one.
using LaneSet = std::uint64_t;

constexpr LaneSet lane_bit(std::size_t lane) noexcept {
  return LaneSet{1} << std::min<std::size_t>(lane, 63);
}

// Whether the bridge whose own sources begin with `own` has numbered that for itself alone: what it
// publishes for its fleet has numbers that all know (SourceTable::fleet).
inline bool is_numbered_here_alone(std::string_view source, std::string_view own) noexcept {
  constexpr std::string_view for_fleet = "-f";
  return source.substr(0, own.size()) == own &&
         source.substr(source.size() - std::min(source.size(), for_fleet.size())) != for_fleet;
}

class Ledger {
 public:
  // What `at` holds where nothing is known.
  const Marks& marks() const noexcept { return marks_; }

  // The bridge's own sources: their names begin so. No archive keeps what they sent.
  void set_own_source(std::string_view name) { own_source_ = name; }
  bool is_own(std::string_view source) const noexcept {
    return is_numbered_here_alone(source, own_source_);
  }

  // Subscribers of one more lane hold the topic, from `now` on.
  void pin(std::string_view topic, std::uint64_t hash, SteadyTime now, std::size_t lane = 0) {
    auto found = pins_.find(topic, static_cast<std::size_t>(hash));
    if (found == pins_.end()) found = pins_.emplace(std::string(topic), Pin{now, 0, 0}).first;
    ++found.value().count;
    found.value().lanes |= lane_bit(lane);
  }

  // Subscribers of that lane hold it no more.
  void unpin(std::string_view topic, std::uint64_t hash, std::size_t lane = 0) {
    const auto found = pins_.find(topic, static_cast<std::size_t>(hash));
    if (found == pins_.end()) return;
    if (--found.value().count == 0) {
      pins_.erase(found);
    } else if (lane_bit(lane) != lane_bit(63)) {
      found.value().lanes &= ~lane_bit(lane);
    }
  }

  // Whether the topic is held and has been, without a break, since `then` or before.
  bool held_since(std::string_view topic, std::uint64_t hash, SteadyTime then) const noexcept {
    const auto found = pins_.find(topic, static_cast<std::size_t>(hash));
    return found != pins_.end() && found->second.since <= then;
  }

  // The lanes whose subscribers hold it.
  LaneSet lanes(std::string_view topic, std::uint64_t hash) const noexcept {
    const auto found = pins_.find(topic, static_cast<std::size_t>(hash));
    return found == pins_.end() ? 0 : found->second.lanes;
  }

  // What the SourceTable takes; written by the one, read by the history.
  void set_source_bytes(std::size_t bytes) noexcept { source_bytes_ = bytes; }
  std::size_t source_bytes() const noexcept { return source_bytes_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view topic) const noexcept { return topic_hash(topic); }
  };
  struct Pin {
    SteadyTime since;
    std::uint32_t count;
    LaneSet lanes;
  };

  const Marks marks_;
  std::string own_source_ = "*";  // until it is set no source is
  tsl::hopscotch_map<std::string, Pin, Hash, std::equal_to<>,
                     std::allocator<std::pair<std::string, Pin>>, 30, true>
      pins_;
  std::size_t source_bytes_ = 0;
};

}  // namespace zws
