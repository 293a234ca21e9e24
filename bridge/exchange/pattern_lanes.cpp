#include "exchange/pattern_lanes.hpp"

#include "core/topic.hpp"
#include "exchange/pattern_index_body.hpp"

namespace zws {

void PatternLanes::add(const Pattern& pattern, std::size_t lane) {
  index_.add(pattern).add(lane);
  ++version_;
}

void PatternLanes::remove(const Pattern& pattern, std::size_t lane) noexcept {
  LanesOfPattern* known = index_.find(pattern);
  if (known == nullptr) return;
  if (!known->remove(lane)) index_.remove(pattern);
  ++version_;
}

LaneSet PatternLanes::lanes(std::string_view topic) const {
  if (is_reserved(topic)) return 0;  // no pattern matches the bridge's own names
  matching_.clear();
  index_.match(topic, matching_);
  LaneSet lanes = 0;
  for (const LanesOfPattern* each : matching_) lanes |= each->lanes();
  return lanes;
}

template class PatternIndex<LanesOfPattern>;

}  // namespace zws
