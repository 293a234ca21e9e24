#include "routing/router.hpp"

#include <algorithm>
#include <utility>

#include "core/topic.hpp"
#include "exchange/late_gap.hpp"

namespace zws {
namespace {

constexpr std::size_t given_back_at_once = 64;  // under one lock of the exchange

void prefetch(const void* address) noexcept { __builtin_prefetch(address); }

}  // namespace

Router::Router(Interest& interest, LaneMetrics& metrics) : interest_(interest), metrics_(metrics) {}
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

// Made if there is none; then the lane's interest begins.
Audience& Router::audience_of(const Pattern& pattern) {
  if (Audience* known = find(pattern)) return *known;
  Audience* made = nullptr;
  if (pattern.is_literal()) {
    auto added = std::make_unique<Audience>(pattern);
    made = added.get();
    exact_.emplace(std::string_view(made->pattern().text()), std::move(added));
    if (is_reserved(pattern.text())) ++reserved_topics_;
  } else {
    made = &patterns_.add(pattern);
    ++pattern_count_;
  }
  try {
    in_order_.insert(made);
    interest_.begins(pattern);
  } catch (...) {
    remove(*made);
    throw;
  }
  return *made;
}

Router::Joined Router::subscribe(Subscriber& who, const Pattern& pattern, bool implicit,
                                 std::uint64_t since) {
  Audience& audience = audience_of(pattern);
  const std::size_t place = audience.find(who);
  if (place != Audience::none) {
    auto& membership = who.memberships_[place];
    const bool had = implicit ? membership.implicit : membership.asked;
    (implicit ? membership.implicit : membership.asked) = true;
    if (!implicit && !had) metrics_.subscriptions.add();
    return {!had, membership.since};
  }
  audience.join(who, implicit, since);
  if (!implicit) metrics_.subscriptions.add();
  return {true};
}

void Router::note_recovered(Subscriber& who, const Pattern& pattern, std::uint64_t since) noexcept {
  const Audience* audience = find(pattern);
  const std::size_t place = audience != nullptr ? audience->find(who) : Audience::none;
  if (place == Audience::none || who.memberships_[place].implicit) return;
  who.memberships_[place].since = since;
  who.memberships_[place].recovered = true;
}

void Router::expect(const Pattern& pattern, bool sources) {
  Audience& audience = audience_of(pattern);
  ++audience.expected;
  if (!sources) return;
  try {
    watch(audience);
  } catch (...) {
    --audience.expected;
    throw;
  }
}

void Router::no_longer_expected(const Pattern& pattern, bool sources) noexcept {
  Audience* audience = find(pattern);
  --audience->expected;
  if (sources) no_longer_watch(*audience);
  drop_if_empty(*audience);
}

void Router::watch(Audience& audience) {
  if (audience.watchers == 0) interest_.watch_begins(audience.pattern());
  ++audience.watchers;
}

void Router::no_longer_watch(Audience& audience) noexcept {
  if (--audience.watchers == 0) interest_.watch_ends(audience.pattern());
}

void Router::tell_sources(Subscriber& who, const Pattern& pattern) {
  Audience* audience = find(pattern);
  const std::size_t place = audience != nullptr ? audience->find(who) : Audience::none;
  if (place == Audience::none || who.memberships_[place].sources) return;
  watch(*audience);
  who.memberships_[place].sources = true;
}

void Router::tell_sources_no_more(Subscriber& who, std::size_t index) noexcept {
  auto& membership = who.memberships_[index];
  if (std::exchange(membership.sources, false)) no_longer_watch(*membership.audience);
}

bool Router::is_told_sources(const Subscriber& who, const Pattern& pattern) const noexcept {
  const Audience* audience = find(pattern);
  const std::size_t place = audience != nullptr ? audience->find(who) : Audience::none;
  return place != Audience::none && who.memberships_[place].sources;
}

bool Router::unsubscribe(Subscriber& who, const Pattern& pattern) {
  const Audience* audience = find(pattern);
  const std::size_t place = audience != nullptr ? audience->find(who) : Audience::none;
  if (place == Audience::none || !who.memberships_[place].asked) return false;
  who.memberships_[place].asked = false;
  tell_sources_no_more(who, place);
  metrics_.subscriptions.sub(1);
  if (!who.memberships_[place].implicit) drop_membership(who, place);
  return true;
}

void Router::leave(Subscriber& who) noexcept {
  while (!who.memberships_.empty()) drop_membership(who, who.memberships_.size() - 1);
}

// From the last on: where one is dropped, one that was looked at takes its place.
void Router::leave_implicit(Subscriber& who) noexcept {
  for (std::size_t place = who.memberships_.size(); place-- > 0;) {
    who.memberships_[place].implicit = false;
    if (!who.memberships_[place].asked) drop_membership(who, place);
  }
}

void Router::drop_membership(Subscriber& who, std::size_t index) noexcept {
  Audience* audience = who.memberships_[index].audience;
  if (who.memberships_[index].asked) metrics_.subscriptions.sub(1);
  tell_sources_no_more(who, index);
  audience->leave(who, index);
  drop_if_empty(*audience);
}

void Router::drop_if_empty(Audience& audience) noexcept {
  if (!audience.empty() || is_kept_for_later(audience)) return;
  const Pattern pattern = audience.pattern();
  remove(audience);
  interest_.ends(pattern);
}

// Thousands of names that are given back one by one, each out of large tables, are a long time.
bool Router::is_kept_for_later(Audience& audience) noexcept {
  if (!soon_ || audience.unwanted) return audience.unwanted;
  try {
    unwanted_.push_back(&audience);
    audience.unwanted = true;
    if (unwanted_.size() == 1) soon_();
  } catch (const std::exception&) {
    if (audience.unwanted) unwanted_.pop_back();
    audience.unwanted = false;
  }
  return audience.unwanted;
}

bool Router::give_back() noexcept try {
  std::vector<Pattern> ended;
  ended.reserve(std::min(unwanted_.size(), given_back_at_once));
  for (std::size_t left = given_back_at_once; left > 0 && !unwanted_.empty(); --left) {
    Audience& audience = *unwanted_.back();
    unwanted_.pop_back();
    audience.unwanted = false;
    if (!audience.empty()) continue;  // somebody came for it meanwhile
    ended.push_back(audience.pattern());
    remove(audience);
  }
  interest_.end(ended);
  return !unwanted_.empty();
} catch (const std::exception&) {
  return true;  // no memory for that now
}

void Router::remove(Audience& audience) noexcept {
  in_order_.erase(&audience);
  const Pattern pattern = audience.pattern();
  if (!pattern.is_literal()) {
    --pattern_count_;
    return patterns_.remove(pattern);
  }
  if (is_reserved(pattern.text())) --reserved_topics_;
  by_id_.drop(audience);
  exact_.erase(std::string_view(pattern.text()));
}

bool Router::receives(const Subscriber& who, std::string_view topic) const noexcept {
  for (const auto& membership : who.memberships_) {
    if (membership.audience->pattern().matches(topic)) return true;
  }
  return false;
}

// What somebody subscribes to and the topic belongs to. Good until the next call.
const std::vector<Audience*>& Router::audiences_of(std::string_view topic) {
  matched_.clear();
  const auto named = exact_.find(topic);
  if (named != exact_.end()) matched_.push_back(named->second.get());
  if (!is_reserved(topic)) patterns_.match(topic, matched_);
  return matched_;
}

Router::Own::Own(Router& router, const Subscriber& who) noexcept : router_(router), who_(who) {
  std::uint32_t place = 0;
  for (const auto& membership : who.memberships_) membership.audience->noted = ++place;
}

Router::Own::~Own() {
  for (const auto& membership : who_.memberships_) membership.audience->noted = 0;
}

std::optional<std::uint64_t> Router::Own::since_besides(std::string_view topic,
                                                        const Pattern& pattern) const {
  std::optional<std::uint64_t> since;
  each_place(topic, [&](std::size_t place) {
    const auto& membership = who_.memberships_[place];
    if (membership.audience->pattern() == pattern) return;
    const std::uint64_t by_this = membership.recovered ? 0 : membership.since;
    since = since ? std::min(*since, by_this) : by_this;
  });
  return since;
}

bool Router::has_implicitly(const Subscriber& who, const Pattern& pattern) const noexcept {
  const Audience* audience = find(pattern);
  const std::size_t place = audience != nullptr ? audience->find(who) : Audience::none;
  return place != Audience::none && who.memberships_[place].implicit;
}

bool Router::asked(const Subscriber& who, const Pattern& pattern) const noexcept {
  const Audience* audience = find(pattern);
  const std::size_t place = audience != nullptr ? audience->find(who) : Audience::none;
  return place != Audience::none && who.memberships_[place].asked;
}

const Pattern* Router::asked_at(const Subscriber& who, std::size_t place) const noexcept {
  const auto& membership = who.memberships_[place];
  return membership.asked ? &membership.audience->pattern() : nullptr;
}

std::vector<Pattern> Router::subscriptions(const Subscriber& who) const {
  std::vector<Pattern> all;
  for (const auto& membership : who.memberships_) {
    if (membership.asked) all.push_back(membership.audience->pattern());
  }
  return all;
}

// --- what is in use ------------------------------------------------------------------------------

std::vector<std::string> Router::names_after(std::string_view cursor, std::size_t count) const {
  std::vector<std::string> names;
  each_after(cursor, [&](const std::string& name, std::uint64_t) {
    names.push_back(name);
    return names.size() < count;
  });
  return names;
}

bool Router::InOrder::operator()(const Audience* a, const Audience* b) const noexcept {
  const int order = a->pattern().text().compare(b->pattern().text());
  return order != 0 ? order < 0 : a->pattern().stop() < b->pattern().stop();
}

// Each subscriber once: outside of a turn none is in a group.
std::size_t Router::receivers(const std::vector<const Audience*>& all) noexcept {
  std::size_t count = 0;
  for (const Audience* audience : all) {
    for (const auto& seat : audience->seats())
      if (std::exchange(seat.who->group_, 1) == 0) ++count;
  }
  for (const Audience* audience : all)
    for (const auto& seat : audience->seats()) seat.who->group_ = 0;
  return count;
}

TopicLoad Router::load(const std::string& name, SteadyTime now) const {
  const auto pattern = Pattern::parse(name);
  TopicLoad load{name, pattern && !pattern->is_literal()};
  const Audience* named = pattern ? find(*pattern) : nullptr;
  if (named != nullptr) {
    load.events = named->offered();
    load.rate = named->rate(now);
  }
  std::vector<Audience*> matched;
  if (!load.pattern && !is_reserved(name)) patterns_.match(name, matched);
  if (matched.empty()) {
    load.subscribers = named != nullptr ? named->seats().size() : 0;
    for (const char stop : load.pattern ? separators : std::string_view{}) {
      const Audience* stopping = find(pattern->stopping_at(stop));
      if (stopping == nullptr || stopping == named) continue;
      load.subscribers += stopping->seats().size();
      // Mostly the same events came to all of them.
      load.events = std::max(load.events, stopping->offered());
      load.rate = std::max(load.rate, stopping->rate(now));
    }
    return load;
  }
  std::vector<const Audience*> all(matched.begin(), matched.end());
  if (named != nullptr) all.push_back(named);
  load.subscribers = receivers(all);
  return load;
}

// --- events --------------------------------------------------------------------------------------

std::size_t Router::publish(const std::vector<EventPtr>& events,
                            const std::function<void()>& between) {
  // Seats and their subscribers are cache misses, one behind the other; those of all events are fetched
  // at once.
  named_.clear();
  for (const EventPtr& event : events) {
    named_.push_back(find(*event));
    if (named_.back() != nullptr) prefetch(named_.back()->seats().data());
  }
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (named_[i] != nullptr && !named_[i]->seats().empty())
      prefetch(named_[i]->seats().front().who);
  }
  turn_.begin(events);
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Event& event = *events[i];
    matched_.clear();
    if (named_[i] != nullptr) matched_.push_back(named_[i]);
    if (!is_reserved(event.topic())) patterns_.match(event.topic(), matched_);
    if (matched_.empty()) continue;
    if (!event.is_marker()) {
      for (Audience* audience : matched_) audience->count_offered(event.received());
    }
    if (!turn_.add(i)) continue;
    join(matched_, event);
  }
  const std::size_t deliveries =
      turn_.deliver([](Subscriber& who) -> std::uint32_t& { return who.group_; }, between);
  if (deliveries != 0) observe_latency();
  return deliveries;
}

// What is told of sources is for those who asked. Of others no membership is looked at: it has gone cold.
void Router::join(const std::vector<Audience*>& audiences, const Event& event) {
  const bool of_sources = event.kind() == Event::Kind::source;
  const bool late = is_late_gap(event);
  for (const Audience* audience : audiences) {
    if (of_sources && audience->watchers == 0) continue;
    for (const auto& seat : audience->seats()) {
      if (of_sources && !seat.who->memberships_[seat.place].sources) continue;
      if (late && seat.who->memberships_[seat.place].since >= event.arrival()) continue;
      turn_.join(*seat.who, seat.who->group_);
    }
  }
}

void Router::observe_latency() {
  const SteadyTime now = std::chrono::steady_clock::now();
  turn_.each_received_event([&](const Event& event) {
    if (!event.is_marker()) metrics_.latency.observe((now - event.received()).count(), 1);
  });
}

}  // namespace zws
