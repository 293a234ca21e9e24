#include "exchange/pattern_lanes.hpp"

#include <algorithm>
#include <utility>

#include "core/topic.hpp"
#include "exchange/pattern_index_body.hpp"

namespace zws {
namespace {

std::size_t place_of(std::size_t lane) noexcept { return std::min<std::size_t>(lane, 63); }

}  // namespace

void PatternLanes::add(const Pattern& pattern, std::size_t lane) {
  News news{pattern, lane_bit(lane)};
  news_.reserve(news_max);
  index_.add(pattern).add(lane);
  ++patterns_of_[place_of(lane)];
  const std::size_t place = added_++ % news_max;
  if (place == news_.size()) {
    news_.push_back(std::move(news));
  } else {
    news_[place] = std::move(news);
  }
}

void PatternLanes::remove(const Pattern& pattern, std::size_t lane) noexcept {
  LanesOfPattern* known = index_.find(pattern);
  if (known == nullptr) return;
  if (!known->remove(lane)) index_.remove(pattern);
  --patterns_of_[place_of(lane)];
  some_ended_ = true;
}

void PatternLanes::sweep() noexcept {
  if (std::exchange(some_ended_, false)) ++sweep_;
}

void PatternLanes::look_again(std::string_view topic, Answer& answer) const {
  const bool missed_some = added_ - answer.as_of > news_max;
  if (answer.sweep != sweep_ || missed_some) {
    answer.lanes = lanes(topic);
  } else if (!is_reserved(topic)) {
    for (std::uint64_t number = answer.as_of; number != added_; ++number) {
      const News& news = news_[number % news_max];
      if (news.pattern.matches(topic)) answer.lanes |= news.lane;
    }
  }
  answer.as_of = added_;
  answer.sweep = sweep_;
}

LaneSet PatternLanes::lanes(std::string_view topic) const {
  if (is_reserved(topic)) return 0;  // no pattern matches the bridge's own names
  matching_.clear();
  LaneSet lanes = 0;
  if (!index_.match(topic, matching_, places_max)) {
    for (std::size_t lane = 0; lane < patterns_of_.size(); ++lane)
      if (patterns_of_[lane] != 0) lanes |= lane_bit(lane);
    return lanes;
  }
  for (const LanesOfPattern* each : matching_) lanes |= each->lanes();
  return lanes;
}

template class PatternIndex<LanesOfPattern>;

}  // namespace zws
