#include "exchange/filling.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <unordered_set>

namespace zws {
namespace {

// The archive's times are those of several machines.
constexpr std::chrono::seconds clocks_differ{5};

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
  for (std::size_t i = 0; i < past.past.sources.size(); ++i)
    judge(past.past.sources[i], past.heard[i]);
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
void Filling::judge(const PastSource& source, std::uint64_t heard) {
  Outcome outcome;
  outcome.of = &source;
  outcome.place = runs_.find(source.name);
  const bool known = outcome.place != SourceRuns::none;
  outcome.newest = known ? runs_[outcome.place].newest : heard > 0 ? heard : source.newest;
  outcome.first = known ? runs_[outcome.place].first : outcome.newest + 1;
  const std::uint64_t last = outcome.first - 1;
  constexpr std::uint64_t any = std::numeric_limits<std::uint64_t>::max();
  const bool kept_before = keeps_before(source.name, known ? outcome.first : any,
                                        known ? runs_[outcome.place].began : any);
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
// the archive has no more, it says only that it came after the archive knew of all sources.
std::uint64_t Filling::proof_of(const Outcome& outcome) const noexcept {
  const bool forgot = past_.forgotten.has_value();
  const SteadyTime after = forgot
                               ? std::max(past_.past.known_since, *past_.forgotten + clocks_differ)
                               : past_.past.known_since;
  const std::vector<EventPtr>& events = outcome.of->events;
  std::uint64_t proof = forgot ? outcome.newest + 1 : outcome.newest;
  for (std::size_t i = outcome.begin; i < outcome.end; ++i) {
    if (events[i]->received() <= after) continue;
    proof = events[i]->seq();
    break;
  }
  return outcome.place == SourceRuns::none ? proof : std::min(proof, runs_[outcome.place].proof);
}

// Whether events of the source are here from before its run: what joins it might be here twice then.
bool Filling::keeps_before(std::string_view source, std::uint64_t first,
                           std::uint64_t began) const noexcept {
  bool some = false;
  ring_.oldest_first([&](const Retained& each) {
    some = each.event->source() == source && (each.event->seq() < first || each.arrival < began);
    return !some;
  });
  return some;
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
  std::unordered_set<std::string> keys;
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
    const bool replaced = !old && retention_.conflate && keys.count(std::string(event.key())) != 0;
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
