#include "routing/router.hpp"

#include <algorithm>
#include <utility>

#include "core/topic.hpp"

namespace zws {
namespace {

// The names of the first `count` of `all` in the order `before`.
template <typename Before>
std::vector<std::string> names(std::vector<const Audience*> all, std::size_t count, Before before) {
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), count));
  std::partial_sort(all.begin(), end, all.end(), before);
  std::vector<std::string> names;
  for (auto audience = all.begin(); audience != end; ++audience)
    names.push_back((*audience)->pattern().text());
  return names;
}

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
    by_pattern_.insert(made);
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

void Router::note_recovered(Subscriber& who, const Pattern& pattern) noexcept {
  const Audience* audience = find(pattern);
  const std::size_t place = audience != nullptr ? audience->find(who) : Audience::none;
  if (place != Audience::none && !who.memberships_[place].implicit)
    who.memberships_[place].since = 0;
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
    by_pattern_.erase(&audience);
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

std::optional<std::uint64_t> Router::receives_besides(const Subscriber& who, std::string_view topic,
                                                      const Pattern& pattern) {
  matched_.clear();
  if (Audience* named = find(*Pattern::parse(topic))) matched_.push_back(named);
  if (!is_reserved(topic)) patterns_.match(topic, matched_);
  std::optional<std::uint64_t> since;
  for (const Audience* each : matched_) {
    const std::size_t place = each->pattern() == pattern ? Audience::none : each->find(who);
    if (place == Audience::none) continue;
    const std::uint64_t by_this = who.memberships_[place].since;
    since = since ? std::min(*since, by_this) : by_this;
  }
  return since;
}

std::vector<const Pattern*> Router::matching(std::string_view topic) const {
  std::vector<Audience*> found;
  if (!is_reserved(topic)) patterns_.match(topic, found);
  std::vector<const Pattern*> all;
  for (const Audience* each : found) all.push_back(&each->pattern());
  const auto literal = Pattern::parse(topic);
  const Audience* named = literal ? find(*literal) : nullptr;
  if (named != nullptr) all.push_back(&named->pattern());
  return all;
}

bool Router::has_implicitly(const Subscriber& who, const Pattern& pattern) const noexcept {
  const Audience* audience = find(pattern);
  const std::size_t place = audience != nullptr ? audience->find(who) : Audience::none;
  return place != Audience::none && who.memberships_[place].implicit;
}

std::uint64_t Router::since(const Subscriber& who, const Pattern& pattern) const noexcept {
  const Audience* audience = find(pattern);
  const std::size_t place = audience != nullptr ? audience->find(who) : Audience::none;
  return place != Audience::none ? who.memberships_[place].since : 0;
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

bool Router::is_first_of_its_name(const Pattern& pattern) const {
  if (pattern.stop() == 0) return true;
  if (find(pattern.stopping_at(0)) != nullptr) return false;
  for (const char stop : separators) {
    if (stop == pattern.stop()) break;
    if (find(pattern.stopping_at(stop)) != nullptr) return false;
  }
  return true;
}

// Patterns of one text that stop elsewhere have one name; load() knows them all.
std::vector<const Audience*> Router::audiences() const {
  std::vector<const Audience*> all;
  for (const Audience* audience : by_pattern_)
    if (!audience->empty() && is_first_of_its_name(audience->pattern())) all.push_back(audience);
  for (const auto& entry : exact_)
    if (!entry.second->empty()) all.push_back(entry.second.get());
  return all;
}

std::vector<std::string> Router::busiest(std::size_t count) const {
  return names(audiences(), count,
               [](const Audience* a, const Audience* b) { return a->offered() > b->offered(); });
}

std::vector<std::string> Router::names_after(std::string_view cursor, std::size_t count) const {
  std::vector<std::string> names;
  for (auto next = in_order_.upper_bound(cursor); next != in_order_.end() && names.size() < count;
       ++next) {
    const std::string& name = (*next)->pattern().text();
    if ((*next)->empty()) continue;
    if (names.empty() || names.back() != name) names.push_back(name);
  }
  return names;
}

bool Router::InOrder::operator()(const Audience* a, const Audience* b) const noexcept {
  const int order = a->pattern().text().compare(b->pattern().text());
  return order != 0 ? order < 0 : a->pattern().stop() < b->pattern().stop();
}

// Each subscriber once. Most often one of the audiences is by far the largest, or all are small.
std::size_t Router::receivers(std::vector<const Audience*> all) {
  if (all.empty()) return 0;
  std::sort(all.begin(), all.end(), [](const Audience* a, const Audience* b) {
    return a->seats().size() > b->seats().size();
  });
  std::unordered_set<const Subscriber*> others;
  for (auto audience = all.begin() + 1; audience != all.end(); ++audience) {
    for (const auto& seat : (*audience)->seats())
      if (all.front()->find(*seat.who) == Audience::none) others.insert(seat.who);
  }
  return all.front()->seats().size() + others.size();
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
      load.events += stopping->offered();
      load.rate += stopping->rate(now);
    }
    return load;
  }
  std::vector<const Audience*> all(matched.begin(), matched.end());
  if (named != nullptr) all.push_back(named);
  load.subscribers = receivers(std::move(all));
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
    join(matched_, event.kind() == Event::Kind::source);
  }
  const std::size_t deliveries =
      turn_.deliver([](Subscriber& who) -> std::uint32_t& { return who.group_; }, between);
  if (deliveries != 0) observe_latency();
  return deliveries;
}

// What is told of sources is for those who asked.
void Router::join(const std::vector<Audience*>& audiences, bool of_sources) {
  for (const Audience* audience : audiences) {
    if (of_sources && audience->watchers == 0) continue;
    for (const auto& seat : audience->seats()) {
      if (!of_sources || seat.who->memberships_[seat.place].sources)
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
