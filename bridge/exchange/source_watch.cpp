#include "exchange/source_watch.hpp"

#include <algorithm>

#include "exchange/topics.hpp"

namespace zws {

void SourceWatch::begins(const Pattern& pattern, std::size_t lane) {
  if (pattern.is_literal()) {
    by_name_.try_emplace(pattern.text(), pattern).first->second.add(lane);
  } else {
    patterns_.add(pattern, lane);
  }
  ++count_;
}

void SourceWatch::ends(const Pattern& pattern, std::size_t lane) noexcept {
  --count_;
  if (!pattern.is_literal()) return patterns_.remove(pattern, lane);
  const auto known = by_name_.find(pattern.text());
  if (known != by_name_.end() && !known->second.remove(lane)) by_name_.erase(known);
}

LaneSet SourceWatch::lanes(std::string_view topic) const {
  if (!any()) return 0;
  PatternLanes::Answer answer;
  patterns_.update(topic, answer);
  const auto known = by_name_.find(topic);
  return answer.lanes | (known == by_name_.end() ? 0 : known->second.lanes());
}

// A round that is under way has passed some topics already.
void SourceWatch::ended(std::uint64_t connection) noexcept {
  live_.erase(connection);
  if (any()) rounds_ = rounds_ == 0 ? 1 : 2;
}

SourceState SourceWatch::state(const Presence& presence, SteadyTime heard, const Route& route,
                               SteadyTime now) const noexcept {
  if (presence.lost(live_)) return SourceState::lost;
  return route.expect && now >= heard + *route.expect ? SourceState::silent : SourceState::alive;
}

LaneSet SourceWatch::heard(TopicSources& topic, Presence& presence, const Route& route,
                           SteadyTime now) {
  if (!any()) return 0;
  if (route.expect && date(topic) == SteadyTime{}) arm(topic, now + *route.expect);
  if (presence.told() == SourceState::alive || presence.lost(live_)) return 0;
  const SteadyTime again = presence.next_word(now);
  if (now < again) {
    if (date(topic) == SteadyTime{} || again < date(topic)) arm(topic, again);
    return 0;
  }
  const LaneSet its_lanes = lanes(topic.record->name());
  if (its_lanes != 0) {
    presence.note_told(SourceState::alive, now);
  } else {
    presence.note_known(SourceState::alive);
  }
  return its_lanes;
}

void SourceWatch::adopt(TopicSources& topic, const Route& route, SteadyTime now) {
  const bool others = lanes(topic.record->name()) != 0;
  const auto take = [&](Presence& presence, SteadyTime heard) {
    const SourceState is = state(presence, heard, route, now);
    if (!others) {
      presence.note_known(is);
    } else if (presence.told() != is) {
      presence.note_known(SourceState::unknown);  // to one of them what it is next will be news
    }
  };
  if (topic.own_seq != 0) take(topic.extras->own, topic.extras->own_heard);
  for (SourceRecord& source : topic.sources) take(source.presence, source.heard_at);
  // It is looked at once the time is over, whichever of them was heard last.
  if (route.expect && (!others || date(topic) == SteadyTime{}))
    arm(topic, std::max(now, topic.heard + *route.expect));
}

void SourceWatch::look_at(TopicSources& topic, const Route& route, const std::string& own,
                          SteadyTime now, std::vector<SourceNews>& news) {
  SteadyTime due = SteadyTime::max();
  std::optional<LaneSet> its_lanes;
  const auto look = [&](Presence& presence, const std::string& name, SteadyTime heard) {
    const SourceState state = this->state(presence, heard, route, now);
    if (state == SourceState::alive && route.expect) due = std::min(due, heard + *route.expect);
    if (state == presence.told()) return;
    if (!its_lanes) its_lanes = lanes(topic.record->name());
    if (*its_lanes == 0) return presence.note_known(state);
    const SteadyTime again = presence.next_word(now);
    if (now < again) {
      due = std::min(due, again);
      return;
    }
    presence.note_told(state, now);
    news.push_back(
        {std::string(topic.record->name()), topic.record->hash, topic.id, name, state, *its_lanes});
  };
  if (topic.own_seq != 0) look(topic.extras->own, own, topic.extras->own_heard);
  for (SourceRecord& source : topic.sources) look(source.presence, source.name, source.heard_at);
  arm(topic, any() && due != SteadyTime::max() ? due : SteadyTime{});
}

SteadyTime SourceWatch::date(const TopicSources& topic) noexcept {
  return topic.extras ? topic.extras->due : SteadyTime{};
}

void SourceWatch::arm(TopicSources& topic, SteadyTime due) {
  const SteadyTime before = date(topic);
  if (before == due) return;
  TopicExtras& its = extras(topic);
  if (before != SteadyTime{}) dates_.erase({before, &topic});
  its.due = {};
  if (due != SteadyTime{}) dates_.insert({due, &topic});
  its.due = due;
}

TopicExtras& SourceWatch::extras(TopicSources& topic) {
  if (!topic.extras) {
    topic.extras = std::make_unique<TopicExtras>();
    ++extras_;
  }
  return *topic.extras;
}

void SourceWatch::forget(TopicSources& topic) noexcept {
  if (!topic.extras) return;
  if (topic.extras->due != SteadyTime{}) dates_.erase({topic.extras->due, &topic});
  topic.extras.reset();
  --extras_;
}

}  // namespace zws
