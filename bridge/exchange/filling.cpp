#include "exchange/filling.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "core/keyed_hash.hpp"

namespace zws {
namespace {

// The archive's times are those of several machines.
constexpr std::chrono::seconds clocks_differ{5};

// At so many events of a topic: a millisecond or two.
constexpr std::size_t looks_max = 20'000;

// The same event, come earlier.
EventPtr come_at(const Event& event, SteadyTime received) {
  Event::Fields fields;
  fields.topic = event.topic();
  fields.topic_hash = event.topic_hash();
  fields.source = event.source();
  fields.seq = fields.last_seq = event.seq();
  fields.key = event.has_key() ? event.key() : std::string_view{};
  fields.overflow = event.overflow();
  fields.received = received;
  return Event::make(fields, std::vector<std::string_view>{event.frame()});
}

}  // namespace

Filling::Filling(const PastOfTopic& past, const Retention& retention, const SourceRuns& runs,
                 const EventRing& ring)
    : past_(past), retention_(retention), runs_(runs), ring_(ring) {
  const std::vector<bool> before = kept_before();
  for (std::size_t i = 0; i < past.past.sources.size(); ++i)
    judge(past.past.sources[i], past.heard[i], before[i]);
  if (retention.conflate && ring.size() > looks_max) clashes_ = true;
  if (clashes_) return;
  choose();
  for (Outcome& each : outcomes_) {
    if (each.place == SourceRuns::none)
      adds_ = true;
    else if (each.first < runs_[each.place].first)
      adds_ = true;
  }
}

// Which of its events join what is here: they end right before the first that is retained, or, of a source
// that is not known to the history, with the newest that the bridge has heard. Of one that it has not heard
// at all that is the archive's newest.
void Filling::judge(const PastSource& source, std::uint64_t heard, bool kept_before) {
  Outcome outcome;
  outcome.of = &source;
  outcome.place = runs_.find(source.name);
  const bool known = outcome.place != SourceRuns::none;
  outcome.newest = known ? runs_[outcome.place].newest : heard > 0 ? heard : source.newest;
  outcome.first = known ? runs_[outcome.place].first : outcome.newest + 1;
  const std::uint64_t last = outcome.first - 1;
  if (!known && kept_before) clashes_ = true;
  const bool joins = !source.events.empty() && source.events.front()->seq() <= last &&
                     source.events.back()->seq() >= last && !kept_before;
  if (joins) {
    outcome.end = static_cast<std::size_t>(last - source.events.front()->seq()) + 1;
    outcome.first = source.events.front()->seq();
  }
  outcome.proof = proof_of(outcome);
  if (!known) ++fresh_;
  outcomes_.push_back(outcome);
}

// From where on a position shows that its client was there after all that is not known. Of an event that
// the archive has no more, it says only that it came after the archive knew of all sources; and not even that of one
// whose newest is plainly from before: then what the archive knew of others was deleted since.
std::uint64_t Filling::proof_of(const Outcome& outcome) const noexcept {
  const bool forgot = past_.forgotten.has_value();
  const SteadyTime after = forgot
                               ? std::max(past_.past.known_since, *past_.forgotten + clocks_differ)
                               : past_.past.known_since;
  const std::vector<EventPtr>& events = outcome.of->events;
  const bool from_before = !events.empty() && events.back()->seq() >= outcome.newest &&
                           events.back()->received() + clocks_differ < past_.past.known_since;
  std::uint64_t proof = forgot || from_before ? outcome.newest + 1 : outcome.newest;
  for (std::size_t i = outcome.begin; i < outcome.end; ++i) {
    if (events[i]->received() <= after) continue;
    proof = events[i]->seq();
    break;
  }
  return outcome.place == SourceRuns::none ? proof : std::min(proof, runs_[outcome.place].proof);
}

bool Filling::is_before_its_run(const Retained& each, std::size_t place) const noexcept {
  return place == SourceRuns::none || each.arrival < runs_[place].began ||
         each.event->seq() < runs_[place].first;
}

// Of each source whether events are here from before its run: what joins it might be here twice then. Its oldest
// event tells. Where there are too many others to find it, it is taken that there are.
std::vector<bool> Filling::kept_before() const {
  std::vector<bool> before(past_.past.sources.size());
  struct Wanted {
    std::size_t index;
    std::size_t place;
  };
  std::unordered_map<std::string_view, Wanted, KeyedHash> wanted;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const std::string& name = past_.past.sources[i].name;
    const std::size_t place = runs_.find(name);
    // As long as no source was forgotten, all events here are of one that is known.
    if (place != SourceRuns::none || runs_.forgot() > 0) wanted.emplace(name, Wanted{i, place});
  }
  std::size_t looks_left = looks_max;
  ring_.oldest_first([&](const Retained& each) {
    if (wanted.empty() || looks_left == 0) return false;
    --looks_left;
    const auto found = wanted.find(each.event->source());
    if (found == wanted.end()) return true;
    before[found->second.index] = is_before_its_run(each, found->second.place);
    wanted.erase(found);
    return true;
  });
  if (looks_left == 0)
    for (const auto& [name, each] : wanted) before[each.index] = true;
  return before;
}

// Of all that joins, the newest for which there is room, and of each key only the newest.
void Filling::choose() {
  std::vector<Offer> offers;
  for (std::size_t i = 0; i < outcomes_.size(); ++i) {
    for (std::size_t k = outcomes_[i].begin; k < outcomes_[i].end; ++k)
      offers.push_back({outcomes_[i].of->events[k], i});
  }
  std::stable_sort(offers.begin(), offers.end(), [](const Offer& a, const Offer& b) {
    return a.event->received() < b.event->received();
  });
  std::unordered_set<std::string_view, KeyedHash> keys;
  if (retention_.conflate) {
    ring_.oldest_first([&](const Retained& each) {
      if (key_known(*each.event, retention_)) keys.emplace(each.event->key());
      return true;
    });
  }
  std::size_t room = retention_.size - std::min(retention_.size, ring_.size());
  // What is in front expires first, so nothing of it may be younger than what follows.
  SteadyTime latest = ring_.empty() ? past_.now : ring_.front().event->received();
  for (auto offer = offers.rbegin(); offer != offers.rend(); ++offer) {
    const Event& event = *offer->event;
    const bool old = past_.now - event.received() > retention_.ttl;
    const bool replaced = !old && retention_.conflate && keys.count(event.key()) != 0;
    if (replaced) continue;
    if (old || room == 0) {
      std::uint64_t& first = outcomes_[offer->outcome].first;
      first = std::max(first, event.seq() + 1);
      continue;
    }
    --room;
    if (retention_.conflate) keys.emplace(event.key());
    chosen_.push_back(event.received() > latest ? come_at(event, latest) : offer->event);
    latest = chosen_.back()->received();
  }
  std::reverse(chosen_.begin(), chosen_.end());
}

}  // namespace zws
