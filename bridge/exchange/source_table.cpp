#include "exchange/source_table.hpp"

#include <algorithm>
#include <utility>

#include "exchange/heap_bytes.hpp"
#include "exchange/shelf.hpp"

namespace zws {
namespace {

// Live losses are seen only where sources are known, however little history there is room for.
constexpr std::size_t bytes_at_least = std::size_t{4} << 20;

// Of a list that has just grown.
constexpr std::size_t free_id_bytes_per_topic = 16;

constexpr std::uint32_t events_of_a_restart = 3;

constexpr std::int64_t clocks_differ_ns = 5'000'000'000;

// An archive says when a bridge heard an event, by its own clock; the producer says when it sent one.
bool is_near(std::int64_t sent_ns, std::int64_t heard_ns) noexcept {
  return sent_ns > heard_ns && sent_ns - heard_ns <= clocks_differ_ns;
}

// Between two looks at the clock, and the news of one slice, which are a fifth of what a client's queue holds.
constexpr std::size_t topics_between = 16;
constexpr std::size_t news_max = 512;

std::size_t bytes_of(const TopicSources& topic) noexcept {
  std::size_t bytes = heap_bytes(sizeof(TopicSources)) +
                      heap_bytes(topic.sources.capacity() * sizeof(SourceRecord));
  if (topic.extras) bytes += topic.extras->own.bytes();
  for (const SourceRecord& source : topic.sources)
    bytes += heap_bytes(source.name) + source.presence.bytes();
  return bytes;
}

// Keeps the sum of all topics' bytes right across whatever is done to one of them meanwhile.
class Account {
 public:
  Account(std::size_t& sum, const TopicSources& topic) noexcept
      : sum_(sum), topic_(topic), before_(bytes_of(topic)) {}
  ~Account() { sum_ += bytes_of(topic_) - before_; }
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

 private:
  std::size_t& sum_;
  const TopicSources& topic_;
  const std::size_t before_;
};

}  // namespace

SourceTable::SourceTable(std::string own_source, const Config& config, const RouteTable& routes,
                         Topics& topics, const PatternLanes& patterns)
    : own_source_(std::move(own_source)), routes_(&routes), topics_(topics), patterns_(patterns) {
  reload(config, routes);
}

SourceTable::~SourceTable() {
  while (recent_.oldest() != nullptr) forget(*recent_.oldest());
}

void SourceTable::reload(const Config& config, const RouteTable& routes) {
  topics_max_ = config.limits.topics;
  sources_max_ = config.limits.sources_per_topic;
  bytes_max_ = std::max(Shelf::source_bytes_max(config), bytes_at_least);
  routes_ = &routes;
  ++reloads_;
  keep_within_bounds();
  shrink();
}

Judgement SourceTable::judge(const Arrival& arrival, std::uint64_t topic_hash, SteadyTime now) {
  TopicSources& known = topic(arrival.topic, topic_hash, now);
  patterns_.update(known.record->name(), known.by_pattern);  // first: it may fail
  Judgement judgement = arrival.seq != 0 ? follow(known, arrival) : number(known, arrival);
  judgement.topic = known.record;
  judgement.topic_id = known.id;
  judgement.route = &route_of(known);
  judgement.lanes = known.record->lanes | known.by_pattern.lanes;
  return judgement;
}

// What a topic remembers may be of routes that are gone: then it is not looked at.
const Route& SourceTable::route_of(TopicSources& topic) const noexcept {
  if (topic.matched != reloads_) topic.route = &routes_->match(topic.record->name());
  topic.matched = reloads_;
  return *topic.route;
}

const Route& SourceTable::route_of(const TopicSources& topic) const noexcept {
  return topic.matched == reloads_ ? *topic.route : routes_->match(topic.record->name());
}

TopicSources& SourceTable::topic(std::string_view name, std::uint64_t hash, SteadyTime now) {
  Topic* record = topics_.find(name, hash);
  if (record != nullptr && record->sources) {
    TopicSources& known = *record->sources;
    const SteadyTime end = known.heard + route_of(known).ttl;
    if (now > end && !record->held_since(end)) {
      known.own_seq = 0;
      known.generation = ++forgotten_;
      const Account account(sources_bytes_, known);
      if (known.extras) known.extras->own = {};
      if (known.extras) known.extras->fleet_seq = 0;
    }
    topics_.expect(known.newer == nullptr ? record : known.newer->record);
    recent_.heard(known);
    known.heard = now;
    return known;
  }
  // forget() must find room.
  if (free_ids_.capacity() <= recent_.size()) free_ids_.reserve(2 * recent_.size() + 1);
  TopicSources& added = topics_.add_sources(name, hash);
  added.id = take_id();
  added.heard = now;
  added.generation = forgotten_;
  recent_.add(added);
  sources_bytes_ += bytes_of(added);
  keep_within_bounds();
  return added;
}

const TopicSources* SourceTable::find(std::string_view topic, std::uint64_t hash) const noexcept {
  const Topic* record = topics_.find(topic, hash);
  return record == nullptr ? nullptr : record->sources.get();
}

// The lowest ids are in use, except those of topics that were forgotten.
std::uint32_t SourceTable::take_id() noexcept {
  if (free_ids_.empty()) return static_cast<std::uint32_t>(recent_.size());
  const std::uint32_t id = free_ids_.back();
  free_ids_.pop_back();
  return id;
}

// The newest stays: it is being judged.
void SourceTable::keep_within_bounds() {
  while (recent_.size() > topics_max_ && recent_.size() > 1) forget(*recent_.oldest());
  while (needed_bytes() > bytes_max_ && recent_.size() > 1) {
    spare_the_held();
    forget(*recent_.oldest());
  }
  topics_.set_source_bytes(bytes());
}

// What the topics take, and no more of the list of free ids than they would need: what is larger from a time
// with more topics cannot be had back by forgetting.
std::size_t SourceTable::needed_bytes() const noexcept {
  return sources_bytes_ + watch_.bytes() + topics_.bytes_of_sources() +
         std::min(heap_bytes(free_ids_.capacity() * sizeof(free_ids_[0])),
                  recent_.size() * free_id_bytes_per_topic);
}

// Gives back what a time with far more topics has left. The topics get new numbers, the lowest, so that
// the list of free ones is empty; a lane that looks at an old number finds another name there.
void SourceTable::shrink() {
  if (free_ids_.size() <= recent_.size()) return;
  std::vector<std::uint32_t> none;
  none.reserve(recent_.size());  // forget() must find room
  topics_.shrink_all();
  std::uint32_t id = 0;
  for (TopicSources* each = recent_.oldest(); each != nullptr; each = each->newer) each->id = id++;
  free_ids_ = std::move(none);
  topics_.set_source_bytes(bytes());
}

// Topics that live once must not evict topics that subscribers hold. So before an eviction for memory up
// to 8 held topics go from the end that is evicted first (LRU) to the other.
void SourceTable::spare_the_held() {
  TopicSources* const judged = recent_.newest();
  for (int spared_max = 8; spared_max > 0; --spared_max) {
    TopicSources& oldest = *recent_.oldest();
    if (&oldest == judged || !oldest.record->held()) break;
    recent_.heard(oldest);
  }
  recent_.heard(*judged);
}

void SourceTable::forget(TopicSources& topic) noexcept {
  ++forgotten_;
  sources_bytes_ -= bytes_of(topic);
  watch_.forget(topic);
  free_ids_.push_back(topic.id);
  recent_.remove(topic);
  topics_.drop_sources(*topic.record);
}

std::string SourceTable::own_name(const TopicSources& topic) const {
  return topic.generation == 0 ? own_source_ : own_source_ + '-' + std::to_string(topic.generation);
}

std::string SourceTable::fleet_name(const TopicSources& topic) const {
  return own_name(topic) + "-f";
}

void SourceTable::list(std::string_view topic, SteadyTime now,
                       std::vector<KnownSource>& out) const {
  const TopicSources* known = find(topic, topic_hash(topic));
  if (known == nullptr) return;
  const Route& route = route_of(*known);
  const std::string name(topic);
  if (known->own_seq != 0)
    out.push_back({name, own_name(*known), true, known->own_seq, 0, known->extras->own_heard,
                   watch_.state(known->extras->own, known->extras->own_heard, route, now)});
  if (known->extras && known->extras->fleet_seq != 0)
    out.push_back({name, fleet_name(*known), true, known->extras->fleet_seq, 0, known->heard});
  for (const Source& source : known->sources)
    out.push_back({name, source.name, false, source.newest, source.missed, source.heard_at,
                   watch_.state(source.presence, source.heard_at, route, now)});
}

void SourceTable::list_before_watch(std::string_view topic, SteadyTime now,
                                    std::vector<KnownSource>& out) {
  const Topic* record = topics_.find(topic, topic_hash(topic));
  if (record == nullptr || !record->sources) return;
  TopicSources* known = record->sources.get();
  watch_.adopt(*known, route_of(*known), now);
  list(topic, now, out);
}

// From the topic heard from longest ago on; what is heard meanwhile goes behind all others.
bool SourceTable::tend(const Clock& clock, SteadyTime until, std::vector<SourceNews>& news) {
  const SteadyTime now = clock.steady();
  for (std::size_t looked = 1; news.size() < news_max; ++looked) {
    TopicSources* topic = watch_.due(now);
    if (topic == nullptr && watch_.rounds() == 0) return false;
    if (topic == nullptr) {
      topic = recent_.walk();
      if (topic == nullptr || topic == recent_.newest()) watch_.round_done();
      if (topic == nullptr) continue;
    }
    watch_.look_at(*topic, route_of(*topic), own_name(*topic), now, news);
    if (looked % topics_between == 0 && clock.steady() >= until) break;
  }
  return true;
}

LaneSet SourceTable::note_heard(TopicSources& topic, Presence& presence, std::uint64_t connection) {
  if (!presence.heard_over(connection)) {
    const std::size_t before = presence.bytes();
    presence.add(connection, watch_.live());
    sources_bytes_ += presence.bytes() - before;  // wraps as intended when it falls
  }
  return watch_.heard(topic, presence, route_of(topic), topic.heard);
}

Judgement SourceTable::number(TopicSources& topic, const Arrival& arrival) {
  Judgement judgement;
  TopicExtras& extras = watch_.extras(topic);
  const bool for_fleet = arrival.source == fleet;
  name_ = for_fleet ? fleet_name(topic) : own_name(topic);
  judgement.source = name_;
  if (!for_fleet) {  // else a call, which says nothing of producers
    judgement.alive_lanes = note_heard(topic, extras.own, arrival.connection);
    extras.own_heard = topic.heard;
  }
  judgement.seq = ++(for_fleet ? extras.fleet_seq : topic.own_seq);
  return judgement;
}

Judgement SourceTable::follow(TopicSources& topic, const Arrival& arrival) {
  Judgement judgement;
  judgement.source = arrival.source;
  judgement.seq = arrival.seq;
  const auto found = std::find_if(topic.sources.begin(), topic.sources.end(),
                                  [&](const Source& s) { return s.name == arrival.source; });
  const bool known = found != topic.sources.end();
  if (!known && !topic.sources.empty() && topic.sources.size() >= sources_max_) {
    judgement.forgot = true;
    judgement.forgot_first = !std::exchange(watch_.extras(topic).forgot, true);
  }
  Source& source = known ? *found : add_source(topic, arrival.source);
  judgement.alive_lanes = note_heard(topic, source.presence, arrival.connection);
  if (known && arrival.seq <= source.newest) {
    judgement.restart = began_again(source, arrival);
    const bool timed = arrival.sent_ns != 0;
    const bool near = source.assumed && timed && is_near(arrival.sent_ns, source.newest_ns);
    const bool may_be_that = judgement.restart && near;
    judgement.duplicate = !judgement.restart || may_be_that;
    if (judgement.duplicate) {
      judgement.restart = false;
      // Nobody has waited here for what was sent before (a publisher that repairs sends that again).
      const bool awaited = !timed || arrival.sent_ns >= awaited_since_ns_;
      judgement.in_doubt = source.assumed && (!timed || may_be_that);
      judgement.under_way =
          may_be_that || (judgement.in_doubt && source.newest - arrival.seq < source.under_way &&
                          topic.heard - source.heard_at <= under_way_max);
      if (source.assumed && awaited && !std::exchange(source.late_told, true)) {
        judgement.late_to = source.newest;
        judgement.late_since = topic.extras ? topic.extras->assumed_at : 0;
      }
      if (awaited && !judgement.in_doubt && !near) source.assumed = false;
      return judgement;
    }
    if (arrival.seq > 1) judgement.missed_from = 1;
  } else if (known && arrival.seq > source.newest + 1) {
    judgement.missed_from = source.newest + 1;
  }
  if (judgement.restart) source.missed = 0;
  if (judgement.missed_from != 0) source.missed += arrival.seq - judgement.missed_from;
  source.heard_at = topic.heard;
  source.newest = arrival.seq;
  source.newest_ns = std::max(source.newest_ns, arrival.sent_ns);  // an event may have no ts
  source.heard = ++heard_;
  source.again = 0;
  source.assumed = false;
  return judgement;
}

Judgement SourceTable::begin_again(const Arrival& arrival, std::uint64_t topic_hash,
                                   SteadyTime now) {
  for (Source& each : topic(arrival.topic, topic_hash, now).sources) {
    if (each.name != arrival.source) continue;
    each.newest = 0;
    each.newest_ns = 0;
    each.late_told = false;
  }
  Judgement judgement = judge(arrival, topic_hash, now);
  judgement.restart = true;
  return judgement;
}

std::uint64_t SourceTable::newest(std::string_view topic, std::uint64_t topic_hash,
                                  std::string_view source) const noexcept {
  const TopicSources* known = find(topic, topic_hash);
  if (known == nullptr) return 0;
  for (const Source& each : known->sources)
    if (each.name == source) return each.newest;
  return 0;
}

void SourceTable::assume(std::string_view name, std::uint64_t topic_hash, const Assumed& archived,
                         SteadyTime now) {
  TopicSources& known = topic(name, topic_hash, now);
  if (known.sources.size() >= sources_max_) return;  // those that are heard are worth more
  Source& added = add_source(known, archived.source);
  added.newest = archived.newest;
  added.newest_ns = archived.newest_ns;
  added.heard = ++heard_;
  added.heard_at = now;
  added.presence.add(Arrival::over, watch_.live());  // nobody is heard here until it speaks
  added.assumed = true;
  watch_.extras(known).assumed_at = archived.arrival;
  added.under_way = static_cast<std::uint16_t>(std::min<std::size_t>(archived.under_way, 65'535));
}

// Of an event that is not above the newest.
bool SourceTable::began_again(Source& source, const Arrival& arrival) noexcept {
  if (source.newest_ns == 0 || arrival.sent_ns <= source.newest_ns) {
    source.again = 0;
    return false;
  }
  if (arrival.seq == 1) return true;
  const bool rises = arrival.seq > source.again_seq && arrival.sent_ns > source.again_ns;
  source.again = source.again > 0 && rises ? source.again + 1 : 1;
  source.again_seq = arrival.seq;
  source.again_ns = arrival.sent_ns;
  return source.again >= events_of_a_restart;
}

SourceTable::Source& SourceTable::add_source(TopicSources& topic, std::string_view name) {
  Source added;
  added.name = name;
  {
    const Account account(sources_bytes_, topic);
    while (!topic.sources.empty() && topic.sources.size() >= sources_max_)
      topic.sources.erase(
          std::min_element(topic.sources.begin(), topic.sources.end(),
                           [](const Source& a, const Source& b) { return a.heard < b.heard; }));
    if (topic.sources.empty()) topic.sources.reserve(1);  // most topics have one source
    topic.sources.push_back(std::move(added));
  }
  keep_within_bounds();
  return topic.sources.back();
}

}  // namespace zws
