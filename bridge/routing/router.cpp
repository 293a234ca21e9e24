#include "routing/router.hpp"

#include <algorithm>

#include "core/topic.hpp"

namespace zws {
namespace {

// The first `count` of `all` in the order `before`.
template <typename Before>
std::vector<TopicLoad> loads(std::vector<const Audience*>& all, std::size_t count, Before before) {
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), count));
  std::partial_sort(all.begin(), end, all.end(), before);
  std::vector<TopicLoad> rows;
  for (auto audience = all.begin(); audience != end; ++audience)
    rows.push_back(
        {(*audience)->pattern().text(), (*audience)->seats().size(), (*audience)->offered()});
  return rows;
}

void prefetch(const void* address) noexcept { __builtin_prefetch(address); }

}  // namespace

Router::Router(History& history, LaneMetrics& metrics) : history_(history), metrics_(metrics) {}
Router::~Router() = default;

Audience* Router::find(const Pattern& pattern) noexcept {
  if (!pattern.is_literal()) return patterns_.find(pattern);
  const auto found = exact_.find(std::string_view(pattern.text()));
  return found == exact_.end() ? nullptr : found->second.get();
}

// Those who subscribed to the event's topic by name.
Audience* Router::find(const Event& event) {
  Audience* noted = by_id_.at(event.topic_id());
  if (noted != nullptr && noted->pattern().text() == event.topic()) return noted;
  const auto found = exact_.find(event.topic(), static_cast<std::size_t>(event.topic_hash()));
  if (found == exact_.end()) return nullptr;
  by_id_.put(event.topic_id(), *found->second);
  return found->second.get();
}

const Audience* Router::find(const Pattern& pattern) const noexcept {
  return const_cast<Router*>(this)->find(pattern);
}

Router::Joined Router::subscribe(Subscriber& who, const Pattern& pattern, bool implicit) {
  Audience* audience = find(pattern);
  const std::size_t place = audience != nullptr ? audience->find(who) : Audience::none;
  if (place != Audience::none) {
    auto& membership = who.memberships_[place];
    const bool had = implicit ? membership.implicit : membership.asked;
    (implicit ? membership.implicit : membership.asked) = true;
    if (!implicit && !had) metrics_.subscriptions.add();
    return {!had, audience->offered() - membership.since};
  }
  if (audience == nullptr && pattern.is_literal()) {
    auto made = std::make_unique<Audience>(pattern);
    audience = made.get();
    exact_.emplace(std::string_view(audience->pattern().text()), std::move(made));
    if (is_reserved(pattern.text())) ++reserved_topics_;
    history_.pin(pattern.text());
  } else if (audience == nullptr) {
    audience = &patterns_.add(pattern);
  }
  audience->join(who, implicit);
  if (!implicit) metrics_.subscriptions.add();
  return {true, 0};
}

bool Router::unsubscribe(Subscriber& who, const Pattern& pattern) {
  const Audience* audience = find(pattern);
  const std::size_t place = audience != nullptr ? audience->find(who) : Audience::none;
  if (place == Audience::none || !who.memberships_[place].asked) return false;
  who.memberships_[place].asked = false;
  metrics_.subscriptions.sub(1);
  if (!who.memberships_[place].implicit) drop_membership(who, place);
  return true;
}

void Router::leave(Subscriber& who) noexcept {
  while (!who.memberships_.empty()) drop_membership(who, who.memberships_.size() - 1);
}

void Router::drop_membership(Subscriber& who, std::size_t index) noexcept {
  Audience* audience = who.memberships_[index].audience;
  if (who.memberships_[index].asked) metrics_.subscriptions.sub(1);
  audience->leave(who, index);
  if (!audience->empty()) return;
  const Pattern pattern = audience->pattern();
  if (!pattern.is_literal()) {
    patterns_.remove(pattern);
    return;
  }
  if (is_reserved(pattern.text())) --reserved_topics_;
  by_id_.drop(*audience);
  exact_.erase(std::string_view(pattern.text()));
  history_.unpin(pattern.text());
}

bool Router::receives(const Subscriber& who, std::string_view topic) const noexcept {
  for (const auto& membership : who.memberships_) {
    if (membership.audience->pattern().matches(topic)) return true;
  }
  return false;
}

bool Router::receives_besides(const Subscriber& who, std::string_view topic,
                              const Pattern& pattern) const noexcept {
  for (const auto& membership : who.memberships_) {
    const Pattern& other = membership.audience->pattern();
    if (!(other == pattern) && other.matches(topic)) return true;
  }
  return false;
}

bool Router::asked(const Subscriber& who, const Pattern& pattern) const noexcept {
  const Audience* audience = find(pattern);
  const std::size_t place = audience != nullptr ? audience->find(who) : Audience::none;
  return place != Audience::none && who.memberships_[place].asked;
}

std::vector<Pattern> Router::subscriptions(const Subscriber& who) const {
  std::vector<Pattern> all;
  for (const auto& membership : who.memberships_) {
    if (membership.asked) all.push_back(membership.audience->pattern());
  }
  return all;
}

std::vector<TopicLoad> Router::busiest(std::size_t count) const {
  std::vector<const Audience*> all;
  for (const auto& entry : exact_) all.push_back(entry.second.get());
  const auto more = [](const Audience* a, const Audience* b) {
    return a->offered() > b->offered();
  };
  return loads(all, count, more);
}

std::vector<TopicLoad> Router::topics_after(std::string_view cursor, std::size_t count) const {
  std::vector<const Audience*> all;
  for (const auto& entry : exact_) {
    if (entry.first > cursor) all.push_back(entry.second.get());
  }
  const auto before = [](const Audience* a, const Audience* b) {
    return a->pattern().text() < b->pattern().text();
  };
  return loads(all, count, before);
}

std::size_t Router::publish(const std::vector<EventPtr>& events,
                            const std::function<void()>& between) {
  // Seats and their subscribers are cache misses, one behind the other; those of all events are fetched
  // at once, while the history works.
  named_.clear();
  for (const EventPtr& event : events) {
    named_.push_back(find(*event));
    if (named_.back() != nullptr) prefetch(named_.back()->seats().data());
  }
  for (std::size_t i = 0; i < events.size(); ++i) {
    history_.record(events[i]);
    if (named_[i] != nullptr) prefetch(named_[i]->seats().front().who);
  }
  turn_.begin(events);
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Event& event = *events[i];
    matched_.clear();
    if (named_[i] != nullptr) matched_.push_back(named_[i]);
    if (!is_reserved(event.topic())) patterns_.match(event.topic(), matched_);
    if (matched_.empty()) continue;
    for (Audience* audience : matched_) audience->count_offered();
    if (!turn_.add(i)) continue;
    for (const Audience* audience : matched_) {
      for (const auto& seat : audience->seats()) turn_.join(*seat.who, seat.who->group_);
    }
  }
  const std::size_t deliveries =
      turn_.deliver([](Subscriber& who) -> std::uint32_t& { return who.group_; }, between);
  if (deliveries != 0) observe_latency();
  return deliveries;
}

void Router::observe_latency() {
  const SteadyTime now = std::chrono::steady_clock::now();
  turn_.each_received_event([&](const Event& event) {
    if (!event.is_gap()) metrics_.latency.observe((now - event.received()).count(), 1);
  });
}

}  // namespace zws
