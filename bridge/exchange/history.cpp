#include "exchange/history.hpp"

#include <algorithm>

#include "exchange/newest_events.hpp"
#include "exchange/selection.hpp"
#include "exchange/shelf.hpp"

namespace zws {
namespace {

// A fetch passes over events far quicker than a search compares names, and over so many at most: half a
// millisecond.
constexpr std::size_t steps_per_look = 16;
constexpr std::size_t fetch_looks_max = 20'000 / steps_per_look;

bool missed(const KeptTopic& topic, const std::vector<Position>& since, bool proven,
            Selection& out) {
  return topic.history.missed(since, proven, topic.policy->retention.conflate, out);
}

bool says_something(const std::vector<Position>& since) {
  return std::any_of(since.begin(), since.end(),
                     [](const Position& each) { return each.seq != 0; });
}

}  // namespace

History::History(ConfigPtr config, Topics& topics, const Clock& clock)
    : clock_(clock), topics_(topics), shelf_(std::make_unique<Shelf>(std::move(config), topics)) {}

History::~History() = default;

void History::record(const EventPtr& event) {
  shelf_->record(event, topics_.find(event->topic(), event->topic_hash()));
}

void History::record(const EventPtr& event, Topic& topic) { shelf_->record(event, &topic); }

void History::set_own_source(std::string_view name) { shelf_->set_own_source(name); }

bool History::fill(const Past& past, const std::vector<std::uint64_t>& heard) {
  return shelf_->fill(past, heard, clock_.steady());
}

void History::heard_elsewhere() noexcept { shelf_->heard_elsewhere(); }

bool History::proves(std::string_view topic, const std::vector<Position>& since) {
  const KeptTopic* known = shelf_->look_up(topic, clock_.steady());
  if (known == nullptr) return false;
  return known->history.resumes(since, proven(since, shelf_->forgotten().topic(topic_hash(topic))));
}

std::uint64_t History::newest(std::string_view topic, std::string_view source) {
  const KeptTopic* known = shelf_->look_up(topic, clock_.steady());
  return known == nullptr ? 0 : known->history.newest_of(source);
}

bool History::is_behind(std::string_view topic, const std::vector<Position>& since) {
  const KeptTopic* known = shelf_->look_up(topic, clock_.steady());
  return std::any_of(since.begin(), since.end(), [&](const Position& each) {
    return each.seq > (known == nullptr ? 0 : known->history.newest_of(each.source));
  });
}

bool History::holds(std::string_view topic, std::string_view source, std::uint64_t from) {
  const KeptTopic* known = shelf_->look_up(topic, clock_.steady());
  return known != nullptr && known->history.holds(source, from);
}

std::vector<Position> History::positions(std::string_view topic) {
  const KeptTopic* known = shelf_->look_up(topic, clock_.steady());
  auto positions = known == nullptr ? std::vector<Position>{} : known->history.positions();
  if (positions.empty()) {
    positions.push_back(marks_.at(shelf_->moment(clock_.steady())));
  }
  return positions;
}

// Whether one who stands at `since` has a mark from after whatever was forgotten of the topic.
bool History::proven(const std::vector<Position>& since, SteadyTime forgotten) const {
  return std::any_of(since.begin(), since.end(), [&](const Position& each) {
    const auto given = marks_.read(each);
    return given && *given >= forgotten;
  });
}

Recovery History::recover(std::string_view topic, const std::vector<Position>& since,
                          std::size_t events_max, std::size_t bytes_max) {
  const KeptTopic* known = shelf_->look_up(topic, clock_.steady());
  const SteadyTime forgotten = shelf_->forgotten().topic(topic_hash(topic));
  const bool proof = proven(since, forgotten);
  if (known == nullptr) {
    const bool nothing_was = since.empty() && forgotten == SteadyTime{};
    return {!says_something(since) && (proof || nothing_was), {}};
  }
  Selection selection(events_max, bytes_max);
  if (!missed(*known, since, proof, selection)) return {};
  return {true, selection.events()};
}

Recovery History::recover(const Pattern& pattern, NamedTopics since, std::size_t events_max,
                          std::size_t bytes_max, std::size_t& looks_left) {
  if (pattern.is_literal()) {
    const auto* known = std::find_if(since.begin(), since.end(), [&](const TopicPosition& each) {
      return each.topic == pattern.text();
    });
    return recover(pattern.text(),
                   known == since.end() ? std::vector<Position>{} : known->positions, events_max,
                   bytes_max);
  }
  const SteadyTime now = clock_.steady();
  const std::uint64_t question = ++questions_;
  Selection selection(events_max, bytes_max);
  for (const TopicPosition& known : since) {
    if (!pattern.matches(known.topic)) continue;
    KeptTopic* topic = shelf_->look_up(known.topic, now);
    if (topic == nullptr && says_something(known.positions)) return {};
    if (topic == nullptr || topic->question == question) continue;
    topic->question = question;
    const bool proof = proven(known.positions, shelf_->forgotten().topic(topic_hash(known.topic)));
    if (!missed(*topic, known.positions, proof, selection)) return {};
  }
  // A topic that is not named either brings an event or ends the search. But names that only begin like
  // the pattern may be many.
  bool whole = true;
  const bool all = shelf_->each_match(pattern, now, looks_left, [&](KeptTopic& topic) {
    if (topic.question != question) whole = missed(topic, {}, false, selection);
    return whole;
  });
  // Nor does it know those that came and were forgotten while it was away.
  const std::string_view prefix =
      std::string_view(pattern.text()).substr(0, pattern.text().find('*'));
  if (!whole || !all || shelf_->forgotten().newest_below(prefix) > selection.last_had()) return {};
  return {true, selection.events()};
}

std::vector<EventPtr> History::newest(const Pattern& pattern, std::size_t count,
                                      std::size_t bytes_max, std::size_t& looks_left) {
  const SteadyTime now = clock_.steady();
  const std::size_t events_max = shelf_->config().limits.replay_events;
  NewestEvents newest(count, events_max);
  if (pattern.is_literal()) {
    if (const KeptTopic* topic = shelf_->look_up(pattern.text(), now)) newest.offer(topic->history);
    return newest.events(bytes_max);
  }
  // Few topics are found by name. Of many, only those heard from last can matter.
  std::size_t by_name = std::min(looks_left, 4 * events_max);
  looks_left -= by_name;
  const bool few = shelf_->each_match(pattern, now, by_name, [&](KeptTopic& topic) {
    newest.offer(topic.history);
    return true;
  });
  looks_left += by_name;
  if (!few) {
    newest.clear();
    for (KeptTopic* next = shelf_->topics().newest();
         next != nullptr && newest.wants(next->heard);) {
      KeptTopic& here = *next;
      next = here.older;
      if (looks_left == 0) return {};
      --looks_left;
      if (!pattern.matches(here.record->name())) continue;
      if (const KeptTopic* topic = shelf_->look_up(here, now)) newest.offer(topic->history);
    }
  }
  return newest.events(bytes_max);
}

bool History::matching(const Pattern& pattern, std::size_t& looks_left,
                       const std::function<void(std::string_view)>& visit) {
  return shelf_->each_match(pattern, clock_.steady(), looks_left, [&](KeptTopic& topic) {
    visit(topic.record->name());
    return true;
  });
}

Fetched History::fetch(std::string_view topic, std::string_view source, std::uint64_t from,
                       std::uint64_t to, std::size_t events_max, std::size_t bytes_max,
                       std::size_t& looks_left) {
  const KeptTopic* known = shelf_->look_up(topic, clock_.steady());
  if (known == nullptr || from > to) return {};
  const std::size_t steps = std::min(looks_left, fetch_looks_max) * steps_per_look;
  std::size_t steps_left = steps;
  const auto found = known->history.range(source, from, to, events_max, steps_left);
  looks_left -= (steps - steps_left) / steps_per_look;
  Selection selection(events_max, bytes_max);
  bool whole = !found.empty() && found.size() - 1 == to - from;
  for (const Retained* each : found) {
    if (selection.take(*each)) continue;
    whole = false;
    break;
  }
  return {selection.events(), whole};
}

HistoryPage History::page(std::string_view topic, std::uint64_t before, std::size_t count,
                          std::size_t bytes_max) {
  HistoryPage page;
  const KeptTopic* known = shelf_->look_up(topic, clock_.steady());
  if (known == nullptr || known->history.empty()) return page;
  std::size_t bytes = 0;
  auto each = known->history.newest();
  do {
    if (each->arrival >= before) continue;
    bytes += each->event->frame().size();
    page.more = page.events.size() == count || (bytes > bytes_max && !page.events.empty());
    if (page.more) break;
    page.events.push_back(each->event);
    page.places.push_back(each->arrival);
    page.begin = each->arrival;
  } while (each.older());
  std::reverse(page.events.begin(), page.events.end());
  std::reverse(page.places.begin(), page.places.end());
  return page;
}

void History::pin(std::string_view topic, std::size_t lane) {
  topics_.pin(topic, topic_hash(topic), clock_.steady(), lane);
}
void History::unpin(std::string_view topic, std::size_t lane) {
  topics_.unpin(topic, topic_hash(topic), lane);
  shelf_->let_go(topic);
}
void History::sweep() { shelf_->sweep(clock_.steady()); }
bool History::forget_old() { return shelf_->expire(clock_.steady()); }
void History::reload(ConfigPtr config) { shelf_->reload(std::move(config), clock_.steady()); }

std::size_t History::bytes() const noexcept { return shelf_->bytes(); }
std::size_t History::topics() const noexcept { return shelf_->topics().size(); }

std::size_t History::reserved_topics() const noexcept { return shelf_->topics().reserved(); }

std::vector<std::string> History::topics_after(std::string_view cursor, std::size_t limit) const {
  std::vector<std::string> page;
  const auto& names = shelf_->topics().names();
  for (auto next = names.upper_bound(cursor); next != names.end() && page.size() < limit; ++next)
    page.emplace_back(next->first);
  return page;
}

std::vector<std::string> History::busiest(std::size_t count) const {
  constexpr std::size_t looks_max = 10'000;
  std::vector<const KeptTopic*> all;
  for (const KeptTopic* topic = shelf_->topics().newest();
       topic != nullptr && all.size() < looks_max; topic = topic->older)
    all.push_back(topic);
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), count));
  std::partial_sort(all.begin(), end, all.end(),
                    [](const KeptTopic* a, const KeptTopic* b) { return a->events > b->events; });
  std::vector<std::string> names;
  for (auto topic = all.begin(); topic != end; ++topic)
    names.emplace_back((*topic)->record->name());
  return names;
}

std::uint64_t History::events(std::string_view topic) const noexcept {
  const KeptTopic* known = shelf_->topics().find(topic, topic_hash(topic));
  return known == nullptr ? 0 : known->events;
}

double History::rate(std::string_view topic) const noexcept {
  const KeptTopic* known = shelf_->topics().find(topic, topic_hash(topic));
  return known == nullptr ? 0 : known->rate.per_second(clock_.steady());
}

Kept History::kept(std::string_view topic) {
  const KeptTopic* known = shelf_->look_up(topic, clock_.steady());
  if (known == nullptr || known->history.empty()) return {};
  const TopicHistory& history = known->history;
  return {history.size(), history.event_bytes(), history.oldest().event->received(),
          history.newest_received()};
}

}  // namespace zws
