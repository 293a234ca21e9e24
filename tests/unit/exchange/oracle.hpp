// Oracle: what docs/DELIVERY.md asks of a History, word for word and with no regard to cost.
//
// It forgets nothing that it was told of a topic while the topic is known, acts at once on every
// change of time, and answers each question from the beginning. What history.bytes pushes out it
// cannot foresee, since that hangs on how memory is used: it is told, and says whether that was right.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/route_table.hpp"
#include "unit/exchange/stage.hpp"

namespace zws {

class Oracle {
 public:
  Oracle(const Config& config, const FakeClock& clock) : config_(config), clock_(clock) {}

  void record(const EventPtr& event) {
    ++now_;
    const std::string name(event->topic());
    const bool was_known = topics_.count(name) != 0;
    if (topics_.count(name) == 0 && event->is_gap() && pins_.count(name) == 0) {
      ++forgotten_;  // there is nothing to remember it with
      forgotten_at_[name] = now_;
      last_heard_[name] = unkept_ = now_;
      return;
    }
    Topic& topic = topics_[name];
    if (!was_known && forgotten_at_.count(name) != 0) topic.source_forgotten = true;
    const bool unkept = !was_known && rule(name).history == 0 && pins_.count(name) == 0;
    if (unkept) unkept_ = now_;
    if (event->is_gap())
      gap(topic, *event);
    else
      message(topic, event);
    topic.heard = now_;
    forget_what_is_empty();
    forget_what_is_too_much();
  }

  // Time has passed.
  void expire() {
    ++now_;
    for (auto& [name, topic] : topics_) {
      const Duration ttl = rule(name).ttl;
      while (!topic.kept.empty() && clock_.steady() - topic.kept[0].event->received() > ttl)
        lose_oldest(topic);
    }
    forget_what_is_empty();
  }

  void pin(const std::string& topic) { ++pins_[topic]; }
  void unpin(const std::string& topic) {
    ++now_;
    if (--pins_[topic] == 0) pins_.erase(topic);
    forget_what_is_empty();
  }

  void reload(const Config& config) {
    ++now_;
    const Config before = config_;
    config_ = config;
    for (auto& [name, topic] : topics_) {
      while (topic.sources.size() > config_.limits.sources_per_topic) forget_source(name, topic);
      const bool was = rule(name, before).overflow == Overflow::conflate;
      const bool is = rule(name).overflow == Overflow::conflate;
      if (was && !is)
        for (auto& [source, life] : topic.sources)
          for (auto& [seq, lost] : life.lost) lost = true;
      if (!was && is) {
        const std::vector<Kept> all_kept = std::move(topic.kept);
        topic.kept.clear();
        for (const Kept& kept : all_kept) {
          replace(topic, kept.event, rule(name).ttl);
          topic.kept.push_back(kept);
        }
      }
      while (topic.kept.size() > rule(name).history) lose_oldest(topic);
    }
    expire();
    forget_what_is_too_much();
  }

  // The oldest event of all topics goes. False if there is none.
  bool drop_oldest_event() {
    Topic* oldest = nullptr;
    for (auto& [name, topic] : topics_) {
      if (!topic.kept.empty() &&
          (oldest == nullptr || topic.kept[0].arrival < oldest->kept[0].arrival))
        oldest = &topic;
    }
    if (oldest == nullptr) return false;
    lose_oldest(*oldest);
    forget_what_is_empty();
    return true;
  }

  // `mark` was given for the topic just now.
  void gave(const std::string& name, const std::string& mark) {
    given_.emplace(std::pair(name, mark), now_);
  }

  std::set<std::string> positions(const std::string& name) const {
    std::set<std::string> all_positions;
    const auto topic = topics_.find(name);
    if (topic == topics_.end()) return {};
    for (const auto& [source, life] : topic->second.sources)
      all_positions.insert(Position{source, life.newest}.text());
    return all_positions;
  }

  std::optional<std::vector<EventPtr>> recover(const std::string& name,
                                               const std::vector<Position>& since,
                                               std::size_t events_max,
                                               std::size_t bytes_max) const {
    std::vector<Kept> missed;
    if (!collect(name, since, missed)) return std::nullopt;
    return whole(missed, events_max, bytes_max);
  }

  std::optional<std::vector<EventPtr>> recover(const Pattern& pattern,
                                               const std::vector<TopicPosition>& since,
                                               std::size_t events_max,
                                               std::size_t bytes_max) const {
    if (pattern.is_literal()) {
      std::vector<Position> positions;
      for (const TopicPosition& known : since)
        if (positions.empty() && known.topic == pattern.text()) positions = known.positions;
      return recover(pattern.text(), positions, events_max, bytes_max);
    }
    std::vector<Kept> missed;
    std::set<std::string> named;
    std::uint64_t there = 0;
    for (const TopicPosition& known : since) {
      if (!pattern.matches(known.topic) || !named.insert(known.topic).second) continue;
      const bool forgotten = topics_.count(known.topic) == 0;
      if (forgotten && says_something(known.positions)) return std::nullopt;
      if (!forgotten && !collect(known.topic, known.positions, missed)) return std::nullopt;
      there = std::max(there, last_there(known.topic, known.positions));
    }
    for (const auto& [name, topic] : topics_) {
      if (pattern.matches(name) && named.count(name) == 0 && !collect(name, {}, missed))
        return std::nullopt;
    }
    for (const auto& [name, heard] : last_heard_)
      if (pattern.matches(name) && heard > there) return std::nullopt;
    return whole(missed, events_max, bytes_max);
  }

  // Whether it may be told that it missed something though it did not: topics that are forgotten are
  // known only by how their names begin, up to a separator, and unkept events not even by that.
  bool may_refuse(const Pattern& pattern, const std::vector<TopicPosition>& since) const {
    std::uint64_t there = 0;
    for (const TopicPosition& known : since)
      if (pattern.matches(known.topic))
        there = std::max(there, last_there(known.topic, known.positions));
    std::string begin = pattern.text().substr(0, pattern.text().find('*'));
    begin.resize(begin.find_last_of(".:/") + 1);
    return unkept_ > there ||
           std::any_of(last_heard_.begin(), last_heard_.end(), [&](const auto& each) {
             return each.first[0] != '@' && each.first.compare(0, begin.size(), begin) == 0 &&
                    each.second > there;
           });
  }

  std::vector<EventPtr> newest(const Pattern& pattern, std::size_t count,
                               std::size_t bytes_max) const {
    std::vector<Kept> found;
    for (const auto& [name, topic] : topics_) {
      if (!pattern.matches(name)) continue;
      const std::size_t size = topic.kept.size();
      for (std::size_t i = size - std::min(count, size); i < size; ++i)
        found.push_back(topic.kept[i]);
    }
    sort(found);
    if (found.size() > config_.limits.replay_events)
      found.erase(found.begin(), found.end() - static_cast<long>(config_.limits.replay_events));
    std::size_t bytes = 0;
    std::size_t first = found.size();
    while (first > 0 && (bytes += found[first - 1].event->queued_bytes()) <= bytes_max) --first;
    found.erase(found.begin(), found.begin() + static_cast<long>(first));
    return events(found);
  }

  Fetched fetch(const std::string& name, const std::string& source, std::uint64_t from,
                std::uint64_t to, std::size_t events_max) const {
    Fetched fetched;
    const auto topic = topics_.find(name);
    if (topic == topics_.end()) return fetched;
    // From the newest on, as long as the numbers fall: before that it may have been another life.
    std::uint64_t below = ~std::uint64_t{0};
    const std::vector<Kept>& all_kept = topic->second.kept;
    for (auto kept = all_kept.rbegin(); kept != all_kept.rend(); ++kept) {
      const Event& event = *kept->event;
      if (event.source() != source) continue;
      if (event.seq() >= below) break;
      below = event.seq();
      if (below >= from && below <= to) fetched.events.push_back(kept->event);
    }
    std::reverse(fetched.events.begin(), fetched.events.end());
    fetched.complete = from <= to && fetched.events.size() == to - from + 1;
    if (fetched.events.size() > events_max) {
      fetched.events.resize(events_max);
      fetched.complete = false;
    }
    return fetched;
  }

  std::vector<std::string> topics() const {
    std::vector<std::string> all_topics;
    for (const auto& [name, topic] : topics_) all_topics.push_back(name);
    return all_topics;
  }

  // How often a topic, or the news of one, was forgotten.
  std::size_t forgotten() const { return forgotten_; }

 private:
  struct Kept {
    EventPtr event;
    std::uint64_t arrival;
  };
  struct Life {  // of a source, since it became known
    std::uint64_t newest = 0;
    std::map<std::uint64_t, bool> lost;  // all that was heard: whether it is lost
    std::uint64_t heard = 0;
    std::uint64_t proof = 0;  // its newest when a source was last forgotten, or its first
    std::uint64_t began = 0;  // what is kept from before is of a life that was forgotten
  };
  struct Topic {
    std::vector<Kept> kept;  // in order of arrival
    std::map<std::string, Life> sources;
    bool source_forgotten = false;
    std::uint64_t heard = 0;
  };

  static Route rule(const std::string& name, const Config& config) {
    return RouteTable(config).match(name);
  }
  Route rule(const std::string& name) const { return rule(name, config_); }

  void message(Topic& topic, const EventPtr& event) {
    const std::string source(event->source());
    const auto known = topic.sources.find(source);
    const bool anew = known != topic.sources.end() && event->seq() <= known->second.newest;
    if (anew || event->restart()) {
      // What is left of a life that was forgotten before this one began stays, until its time is over.
      discard(topic, source, known == topic.sources.end() ? 0 : known->second.began);
      topic.sources.erase(source);
    }
    Life& life = hear(std::string(event->topic()), topic, source);
    if (life.lost.empty()) life.proof = event->seq();
    life.newest = event->seq();

    const Route route = rule(std::string(event->topic()));
    const bool keep = route.history > 0 && event->memory_bytes() <= config_.history.bytes;
    life.lost[event->seq()] = !keep || event->raw();
    if (!keep) return;
    if (route.overflow == Overflow::conflate) replace(topic, event, route.ttl);
    while (topic.kept.size() >= route.history) lose_oldest(topic);
    topic.kept.push_back({event, now_});
  }

  void gap(Topic& topic, const Event& marker) {
    Life& life = hear(std::string(marker.topic()), topic, std::string(marker.source()));
    life.newest = std::max(life.newest, marker.last_seq());
    if (life.lost.empty()) life.proof = life.newest;
    life.lost[life.newest] = true;  // and with it all before
  }

  Life& hear(const std::string& name, Topic& topic, const std::string& source) {
    if (topic.sources.count(source) == 0) {
      while (topic.sources.size() >= config_.limits.sources_per_topic) forget_source(name, topic);
    }
    Life& life = topic.sources[source];
    if (life.began == 0) life.began = now_;
    life.heard = now_;
    return life;
  }

  void forget_source(const std::string& name, Topic& topic) {
    note_forgotten(name, topic);
    auto oldest = topic.sources.begin();
    for (auto each = topic.sources.begin(); each != topic.sources.end(); ++each)
      if (each->second.heard < oldest->second.heard) oldest = each;
    topic.sources.erase(oldest);
    topic.source_forgotten = true;
    for (auto& [source, life] : topic.sources) life.proof = life.newest;
  }

  static void discard(Topic& topic, const std::string& source, std::uint64_t since) {
    std::vector<Kept> rest;
    for (const Kept& kept : topic.kept)
      if (kept.event->source() != source || kept.arrival < since) rest.push_back(kept);
    topic.kept = std::move(rest);
  }

  static void replace(Topic& topic, const EventPtr& newer, Duration ttl) {
    for (auto each = topic.kept.begin(); each != topic.kept.end(); ++each) {
      if (each->event->key() != newer->key()) continue;
      if (newer->received() - each->event->received() > ttl) mark_lost(topic, *each);
      topic.kept.erase(each);
      return;
    }
  }

  // The source's life that the event is of, if that has not been forgotten.
  static const Life* life_of(const Topic& topic, const Kept& kept) {
    const auto life = topic.sources.find(std::string(kept.event->source()));
    return life == topic.sources.end() || kept.arrival < life->second.began ? nullptr
                                                                            : &life->second;
  }

  static void mark_lost(Topic& topic, const Kept& kept) {
    if (life_of(topic, kept) == nullptr) return;
    Life& life = topic.sources[std::string(kept.event->source())];
    const auto seq = life.lost.find(kept.event->seq());
    if (seq != life.lost.end()) seq->second = true;
  }

  static void lose_oldest(Topic& topic) {
    mark_lost(topic, topic.kept[0]);
    topic.kept.erase(topic.kept.begin());
  }

  void forget_what_is_empty() {
    for (auto each = topics_.begin(); each != topics_.end();) {
      const bool gone = each->second.kept.empty() && pins_.count(each->first) == 0;
      forgotten_ += gone;
      if (gone) note_forgotten(each->first, each->second);
      each = gone ? topics_.erase(each) : std::next(each);
    }
  }

  void forget_what_is_too_much() {
    while (topics_.size() > config_.limits.topics) {
      auto oldest = topics_.begin();
      for (auto each = topics_.begin(); each != topics_.end(); ++each)
        if (each->second.heard < oldest->second.heard) oldest = each;
      note_forgotten(oldest->first, oldest->second);
      topics_.erase(oldest);
      ++forgotten_;
    }
  }

  void note_forgotten(const std::string& name, const Topic& topic) {
    forgotten_at_[name] = now_;
    last_heard_[name] = std::max(last_heard_[name], topic.heard);
  }

  static bool says_something(const std::vector<Position>& since) {
    return std::any_of(since.begin(), since.end(),
                       [](const Position& each) { return each.seq != 0; });
  }

  // Whether one of these marks was given after whatever was forgotten of the topic.
  bool marked(const std::string& name, const std::vector<Position>& since) const {
    const auto forgotten = forgotten_at_.find(name);
    return std::any_of(since.begin(), since.end(), [&](const Position& each) {
      const auto given = given_.find({name, each.source});
      return given != given_.end() &&
             (forgotten == forgotten_at_.end() || given->second >= forgotten->second);
    });
  }

  // The last arrival that one who stands at `since` has had.
  std::uint64_t last_there(const std::string& name, const std::vector<Position>& since) const {
    const auto found = topics_.find(name);
    if (found == topics_.end() || found->second.sources.empty()) return {};
    std::map<std::string, std::uint64_t> from;
    for (const Position& position : since) from[position.source] = position.seq;
    std::uint64_t last = 0;
    bool all_had = true;
    for (const auto& [source, life] : found->second.sources)
      all_had = all_had && from[source] == life.newest;
    for (const Kept& kept : found->second.kept)
      if (life_of(found->second, kept) != nullptr &&
          kept.event->seq() <= from[std::string(kept.event->source())])
        last = std::max(last, kept.arrival);
    return all_had ? found->second.heard : last;
  }

  // Appends what one who stands at `since` missed; false unless all of it is there.
  bool collect(const std::string& name, const std::vector<Position>& since,
               std::vector<Kept>& missed) const {
    const auto found = topics_.find(name);
    if (found == topics_.end())
      return !says_something(since) &&
             (marked(name, since) || (since.empty() && forgotten_at_.count(name) == 0));
    const Topic& topic = found->second;
    std::map<std::string, std::uint64_t> from;
    bool proven = !topic.source_forgotten || marked(name, since);
    for (const Position& position : since) {
      const auto life = topic.sources.find(position.source);
      if (life == topic.sources.end() && position.seq == 0) continue;
      if (life == topic.sources.end() || position.seq > life->second.newest) return false;
      from[position.source] = position.seq;
      proven = proven || position.seq >= life->second.proof;
    }
    if (!proven) return false;
    for (const auto& [source, life] : topic.sources) {
      for (std::uint64_t seq = from[source] + 1; seq <= life.newest; ++seq) {
        const auto heard = life.lost.find(seq);
        if (heard == life.lost.end() || heard->second) return false;
      }
    }
    for (const Kept& kept : topic.kept) {
      const std::string source(kept.event->source());
      if (life_of(topic, kept) != nullptr && kept.event->seq() > from[source])
        missed.push_back(kept);
    }
    return true;
  }

  static std::optional<std::vector<EventPtr>> whole(std::vector<Kept>& missed,
                                                    std::size_t events_max, std::size_t bytes_max) {
    std::size_t bytes = 0;
    for (const Kept& kept : missed) bytes += kept.event->queued_bytes();
    if (missed.size() > events_max || bytes > bytes_max) return std::nullopt;
    sort(missed);
    return events(missed);
  }

  static void sort(std::vector<Kept>& kept) {
    std::sort(kept.begin(), kept.end(),
              [](const Kept& a, const Kept& b) { return a.arrival < b.arrival; });
  }

  static std::vector<EventPtr> events(const std::vector<Kept>& kept) {
    std::vector<EventPtr> all_events;
    for (const Kept& each : kept) all_events.push_back(each.event);
    return all_events;
  }

  Config config_;
  const FakeClock& clock_;
  std::map<std::string, Topic> topics_;
  std::map<std::string, int> pins_;
  std::map<std::pair<std::string, std::string>, std::uint64_t> given_;  // marks, of topics
  std::map<std::string, std::uint64_t> forgotten_at_;  // topics of which something was forgotten
  std::map<std::string, std::uint64_t> last_heard_;    // ... and what was heard of them last
  std::uint64_t unkept_ = 0;                           // the last arrival of which nothing was kept
  std::uint64_t now_ = 0;
  std::size_t forgotten_ = 0;
};

}  // namespace zws
