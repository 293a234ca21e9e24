#include "exchange/shelf.hpp"

#include <algorithm>

#include "exchange/own_source.hpp"

namespace zws {
namespace {

constexpr std::uint64_t records_per_expiry = 64;
constexpr int steps_per_expiry = 128;  // more than came in meanwhile
constexpr int steps_per_sweep = 1'000;
constexpr int steps_per_correction = 64;  // AgeHeap::oldest() has put so many right
constexpr std::size_t looks_per_sweep = 200;
constexpr std::size_t discards_per_record = 2;  // more than come in meanwhile
constexpr std::size_t discards_per_sweep = 1'000;
constexpr std::chrono::seconds filled_stays{5};  // though nobody holds the topic

}  // namespace

// Keeps the totals right across whatever is done to one topic meanwhile.
class Shelf::Account {
 public:
  Account(Shelf& shelf, KeptTopic& topic) noexcept
      : shelf_(shelf),
        history_(topic.history),
        events_(history_.event_bytes()),
        bookkeeping_(history_.bookkeeping_bytes()) {}
  ~Account() {
    shelf_.event_bytes_ += history_.event_bytes() - events_;
    shelf_.bookkeeping_bytes_ += history_.bookkeeping_bytes() - bookkeeping_;
  }
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

 private:
  Shelf& shelf_;
  const TopicHistory& history_;
  const std::size_t events_;
  const std::size_t bookkeeping_;
};

Shelf::Shelf(ConfigPtr config, Topics& topics)
    : config_(std::move(config)), records_(topics), routes_(*config_), topics_(topics) {}

void Shelf::record(const EventPtr& event, Topic* record) {
  const std::uint64_t arrival = ++arrivals_;
  now_ = std::max(now_ + std::chrono::nanoseconds(1), event->received());
  if (KeptTopic* topic = take_up(*event, record)) {
    {
      const Account account(*this, *topic);
      const std::size_t sources_max = config_->limits.sources_per_topic;
      const bool fits = event->memory_bytes() <= config_->history.bytes;
      const std::uint32_t forgot = topic->history.forgot();
      if (event->is_gap())
        topic->history.gap(*event, arrival, sources_max);
      else
        topic->history.record(event, arrival, topic->policy->retention, sources_max, fits,
                              discarded_);
      if (topic->history.forgot() != forgot) note_forgotten(*topic);
    }
    topic->heard = arrival;
    if (event->raw() || is_numbered_here_alone(event->source(), own_source_)) {
      forgotten_.prepare_for_good();
      topic->kept_here_only = true;
    }
    if (!event->is_gap()) {
      ++topic->events;
      topic->rate.note(event->received());
    }
    topics_.heard(*topic);
    if (!event->is_gap() || topic->history.empty())
      topic->end = std::max(topic->end, event->received() + topic->policy->retention.ttl);
    settle(*topic);
    keep_within_bounds();
  }
  discarded_.free_some(discards_per_record);
  if (arrival % records_per_expiry == 0) expire(event->received(), steps_per_expiry);
}

bool Shelf::fill(const Past& past, const std::vector<std::uint64_t>& heard, SteadyTime now) {
  const std::uint64_t hash = topic_hash(past.topic);
  const Route& route = routes_.match(past.topic);
  if (past.sources.empty() || route.history == 0 || route.format == EventFormat::raw) return false;
  std::optional<SteadyTime> forgotten = past.forgotten;
  const SteadyTime for_good = forgotten_.for_good(hash);
  if (for_good != SteadyTime{}) forgotten = std::max(for_good, forgotten.value_or(for_good));
  KeptTopic* topic = look_up(past.topic, now);
  if (topic == nullptr) {
    topic = &topics_.add(past.topic, hash);
    topic->policy = &policy_for(past.topic);
    topic->heard = arrivals_;  // as its place among the others says
    topic->end = now;
  }
  bool filled = false;
  {
    const Account account(*this, *topic);
    // Its oldest event may be an older one now.
    if (topic->age_place != AgeHeap::nowhere) topic->policy->by_age.remove(*topic);
    topic->policy->quiet_until = {};
    filled = topic->history.fill({past, heard, forgotten, now}, topic->policy->retention,
                                 config_->limits.sources_per_topic, filled_);
  }
  if (filled) {
    forgotten_.note_elsewhere(past.topic, arrivals_);
    topic->filled_until = now + filled_stays;
    topic->end = std::max(topic->end, topic->filled_until);
    if (!topic->history.empty())
      topic->end = std::max(topic->end, topic->history.newest_received() + route.ttl);
  }
  settle(*topic);
  keep_within_bounds();
  return filled;
}

// The topic that `event` is for, or nothing if nothing of it would remain.
KeptTopic* Shelf::take_up(const Event& event, Topic* record) {
  KeptTopic* topic = record == nullptr ? nullptr : record->kept.get();
  if (topic == nullptr) {
    Policy& policy = policy_for(event.topic());
    const bool remains = policy.retention.size > 0 && !event.is_gap();
    const SteadyTime end = event.received() + policy.retention.ttl;
    if (!remains && (record == nullptr || !record->held_since(end))) {
      forgotten_.prepare_for_good();
      forgotten_.note_unkept(event.topic_hash(), now_, arrivals_);
      forgotten_.note_for_good(event.topic_hash(), now_);
      return nullptr;
    }
    topic = &topics_.add(event.topic(), event.topic_hash());
    topic->policy = &policy;
    if (forgotten_.topic(event.topic_hash()) != SteadyTime{}) topic->history.forgotten_before();
    return topic;
  }
  // Single expired events may stay, because every read expires first. But if all events of a topic have
  // expired, the topic was forgotten, and this event must start it anew.
  if (event.received() > topic->end) {
    const Account account(*this, *topic);
    topic->history.expire(event.received(), topic->policy->retention.ttl);
    if (topic->history.empty() && !held(*topic)) {
      note_forgotten(*topic);
      topic->history.forget();
    }
  }
  return topic;
}

// Whether subscribers have kept it known since its history ran out.
bool Shelf::held(const KeptTopic& topic) const noexcept {
  return topic.record->held_since(topic.end);
}

Policy& Shelf::policy_for(std::string_view topic) {
  const Route& route = routes_.match(topic);
  const Retention wanted{route.history, route.ttl, route.overflow == Overflow::conflate, route.key};
  for (const auto& policy : policies_) {
    if (policy->retention == wanted) return *policy;
  }
  policies_.push_back(std::make_unique<Policy>());
  policies_.back()->retention = wanted;
  return *policies_.back();
}

bool Shelf::settle(KeptTopic& topic) {
  const bool listed = topic.age_place != AgeHeap::nowhere;
  if (!topic.history.empty()) {
    if (!listed) topic.policy->by_age.add(topic);
    return true;
  }
  if (listed) topic.policy->by_age.remove(topic);
  if (held(topic) || now_ < topic.filled_until) return true;
  forget(topic);
  return false;
}

void Shelf::note_forgotten(const KeptTopic& topic) noexcept {
  if (topic.kept_here_only) forgotten_.note_for_good(topic.record->hash, now_);
  forgotten_.note(topic.record->name(), topic.record->hash, now_, topic.heard);
}

void Shelf::forget(KeptTopic& topic) noexcept {
  note_forgotten(topic);
  if (topic.age_place != AgeHeap::nowhere) topic.policy->by_age.remove(topic);
  event_bytes_ -= topic.history.event_bytes();
  bookkeeping_bytes_ -= topic.history.bookkeeping_bytes();
  topics_.remove(topic);
}

KeptTopic* Shelf::look_up(std::string_view name, SteadyTime now) {
  KeptTopic* topic = topics_.find(name, topic_hash(name));
  return topic == nullptr ? nullptr : look_up(*topic, now);
}

KeptTopic* Shelf::look_up(KeptTopic& topic, SteadyTime now) {
  now_ = std::max(now_, now);
  {
    const Account account(*this, topic);
    if (topic.history.expire(now, topic.policy->retention.ttl)) topic.history.shrink();
  }
  return settle(topic) ? &topic : nullptr;
}

void Shelf::sweep(SteadyTime now) {
  expire(now, steps_per_sweep);
  discarded_.free_some(discards_per_sweep);
  // One that lost its last subscriber while its history was empty.
  for (std::size_t left = std::min(looks_per_sweep, topics_.size()); left > 0; --left)
    settle(*topics_.walk());
  records_.shrink();
}

bool Shelf::expire(SteadyTime now, int steps) {
  now_ = std::max(now_, now);
  for (const auto& policy : policies_) {
    if (now <= policy->quiet_until) continue;
    while (!policy->by_age.empty()) {
      if (steps <= 0) return false;
      KeptTopic& topic = policy->by_age.oldest();
      const SteadyTime end = topic.history.oldest().event->received() + policy->retention.ttl;
      if (now > end) {
        drop_oldest(topic);
        --steps;
      } else if (policy->by_age.exact()) {
        policy->quiet_until = end;
        break;
      } else {
        steps -= steps_per_correction;
      }
    }
  }
  return true;
}

// With nothing kept of it, it is forgotten; else when that is past its age.
void Shelf::let_go(std::string_view name) noexcept {
  KeptTopic* topic = topics_.find(name, topic_hash(name));
  if (topic != nullptr && topic->history.empty()) settle(*topic);
}

bool Shelf::drop_oldest_event() {
  KeptTopic* oldest = nullptr;
  for (const auto& policy : policies_) {
    if (policy->by_age.empty()) continue;
    KeptTopic& topic = policy->by_age.oldest();
    if (oldest == nullptr || topic.history.oldest().arrival < oldest->history.oldest().arrival)
      oldest = &topic;
  }
  if (oldest == nullptr) return false;
  drop_oldest(*oldest);
  return true;
}

void Shelf::drop_oldest(KeptTopic& topic) {
  {
    const Account account(*this, topic);
    topic.history.drop_oldest();
    topic.history.shrink();
  }
  settle(topic);
}

void Shelf::keep_within_bounds() {
  while (topics_.size() > config_->limits.topics) forget(*topics_.oldest());
  while (bytes() > config_->history.bytes) {
    if (!discarded_.empty()) {
      discarded_.free_some(1);
      continue;
    }
    if (drop_oldest_event()) continue;
    if (topics_.oldest() == nullptr) break;
    forget(*topics_.oldest());  // pinned, but what is known of its sources takes room too
  }
}

void Shelf::reload(ConfigPtr config, SteadyTime now) {
  RouteTable routes(*config);
  const bool as_before =
      routes == routes_ && config->limits.sources_per_topic == config_->limits.sources_per_topic;
  config_ = std::move(config);
  if (!as_before) {
    routes_ = std::move(routes);
    retain_anew(now);
  }
  keep_within_bounds();
}

// Each topic goes over to what holds of it now.
void Shelf::retain_anew(SteadyTime now) {
  for (const auto& policy : policies_) {
    policy->quiet_until = {};
    policy->in_use = false;
  }
  auto& names = topics_.names();
  for (auto next = names.begin(); next != names.end();) {
    KeptTopic* topic = look_up(*(next++)->second, now);
    if (topic == nullptr) continue;
    const Retention before = topic->policy->retention;
    const bool had_events = !topic->history.empty();
    if (topic->age_place != AgeHeap::nowhere) topic->policy->by_age.remove(*topic);
    topic->policy = &policy_for(topic->record->name());
    {
      const Account account(*this, *topic);
      const std::uint32_t forgot = topic->history.forgot();
      topic->history.retain(before, topic->policy->retention, config_->limits.sources_per_topic);
      if (topic->history.forgot() != forgot) note_forgotten(*topic);
      topic->history.expire(now, topic->policy->retention.ttl);
      topic->history.shrink();
    }
    topic->end = !had_events ? std::min(topic->end, now)
                 : topic->history.empty()
                     ? now
                     : topic->history.newest_received() + topic->policy->retention.ttl;
    if (settle(*topic)) topic->policy->in_use = true;
  }
  policies_.erase(std::remove_if(policies_.begin(), policies_.end(),
                                 [](const std::unique_ptr<Policy>& each) { return !each->in_use; }),
                  policies_.end());
}

}  // namespace zws
