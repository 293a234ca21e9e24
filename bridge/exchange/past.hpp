// Past: what an archive has kept of one topic, on its way into the history (History::fill).
//
// Thread: any; a value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/event.hpp"

namespace zws {

struct PastSource {
  std::string name;
  // No event of it is known to be later. Where it is more than the last of `events`, those between are
  // missing.
  std::uint64_t newest = 0;
  std::int64_t newest_ns = 0;  // when that had come at the latest (Unix time); 0: not known
  // Without holes, in order of seq and none younger than the next. Each with the overflow of the topic's
  // route, a frame with an @id, and no arrival number.
  std::vector<EventPtr> events;
};

struct Past {
  std::string topic;
  // All sources that were heard since then are in `sources`...
  SteadyTime known_since{};
  // ... but some of those that were last heard before this.
  std::optional<SteadyTime> forgotten;
  std::vector<PastSource> sources;
};

}  // namespace zws
