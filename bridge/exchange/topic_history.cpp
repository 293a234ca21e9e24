#include "exchange/topic_history.hpp"

#include <limits>
#include <new>
#include <utility>

#include "exchange/filling.hpp"
#include "exchange/heap_bytes.hpp"

namespace zws {
namespace {

// A walk for events that are wanted passes over so many others: a millisecond or two.
constexpr std::size_t others_max = 20'000;

// Whether it is an event, and not the place of one that has left, of `source`.
bool is_of(const Retained& each, std::string_view source) noexcept {
  return each.event && each.event->source() == source;
}

}  // namespace

void TopicHistory::record(const EventPtr& event, std::uint64_t arrival, const Retention& retention,
                          std::size_t sources_max, bool keep_it, Discarded& discarded) {
  const std::string_view source = event->source();
  const std::uint64_t seq = event->seq();
  std::size_t place = sources_.find(source);
  const bool known = place != SourceRuns::none;
  // A source that steps back counts anew, whatever it was that made it.
  const bool began = event->restart() || (known && seq <= sources_[place].newest);
  if (began) discard(source, known ? sources_[place].began : 0, discarded);
  if (!known) place = sources_.add(source, arrival, sources_max);

  SourceRun& run = sources_[place];
  if (began || !known) run.proof = seq;
  if (began) run.began = arrival;
  if (began || !known || seq != run.newest + 1) run.first = seq;
  run.newest = seq;
  run.heard = arrival;
  // A raw frame tells its receiver no position, so nobody can come back to before it.
  const bool kept = keep_it && retention.size > 0;
  if (!kept || event->raw()) run.first = seq + 1;
  if (kept) try {
      keep(event, arrival, retention);
    } catch (const std::bad_alloc&) {
      run.first = seq + 1;
      throw;
    }
}

void TopicHistory::gap(const Event& marker, std::uint64_t arrival, std::size_t sources_max) {
  std::size_t place = sources_.find(marker.source());
  const bool known = place != SourceRuns::none;
  if (!known) place = sources_.add(marker.source(), arrival, sources_max);
  SourceRun& run = sources_[place];
  if (marker.last_seq() > run.newest) run.newest = marker.last_seq();
  if (!known) run.proof = run.newest;
  run.first = run.newest + 1;
  run.heard = arrival;
}

bool TopicHistory::fill(const PastOfTopic& past, const Retention& retention,
                        std::size_t sources_max, std::uint64_t& next) {
  const Filling filling(past, retention, sources_, ring_);
  if (!filling.adds() || sources_.size() + filling.fresh_sources() > sources_max) return false;
  std::vector<Retained> first;
  next -= filling.chosen().size() + 1;  // one for the sources that come with no event
  std::uint64_t arrival = next;
  std::size_t bytes = 0;
  for (const EventPtr& event : filling.chosen()) {
    first.push_back({event, ++arrival});
    bytes += event->memory_bytes();
  }
  if (ring_.empty() && !first.empty()) newest_received_ = first.back().event->received();
  if (!first.empty()) ring_.put_first(first, retention.size);
  event_bytes_ += bytes;
  sources_.forgot_earlier();
  for (const Filling::Outcome& each : filling.outcomes()) {
    std::size_t place = each.place;
    if (place == SourceRuns::none) {
      place = sources_.add(each.of->name, next, sources_max);
      sources_[place].heard = next;
    }
    SourceRun& run = sources_[place];
    run.newest = each.newest;
    run.proof = each.proof;
    if (each.first < run.first || each.place == SourceRuns::none) {
      run.first = each.first;
      run.began = next;
    }
  }
  if (retention.conflate) index_keys(retention);
  return true;
}

void TopicHistory::index_keys(const Retention& retention) {
  keys_.reset();
  if (ring_.size() < 2) return;
  keys_ = std::make_unique<KeyIndex>();
  ring_.oldest_first([&](const Retained& each) {
    if (key_known(*each.event, retention)) keys_->emplace(each.event->key(), each.arrival);
    return true;
  });
}

void TopicHistory::keep(const EventPtr& event, std::uint64_t arrival, const Retention& retention) {
  const bool has_key = retention.conflate && key_known(*event, retention);
  if (has_key) replace(*event, retention);
  while (ring_.size() >= retention.size) drop_oldest();
  ring_.push(event, arrival, retention.size);
  event_bytes_ += event->memory_bytes();
  newest_received_ = event->received();
  if (!retention.conflate) return;
  if (!keys_ && ring_.size() > 1) {
    keys_ = std::make_unique<KeyIndex>();
    if (key_known(*ring_.front().event, retention))
      keys_->emplace(ring_.front().event->key(), ring_.front().arrival);
  }
  if (keys_ && has_key) keys_->emplace(event->key(), arrival);
}

// Takes out the event that `newer`, of the same key, makes superfluous.
void TopicHistory::replace(const Event& newer, const Retention& retention) {
  if (ring_.empty()) return;
  std::uint64_t arrival = ring_.front().arrival;
  if (keys_) {
    const auto found = keys_->find(newer.key());
    if (found == keys_->end()) return;
    arrival = found->second;
    keys_->erase(found);
  } else if (!key_known(*ring_.front().event, retention) ||
             ring_.front().event->key() != newer.key()) {
    return;
  }
  const EventPtr gone = ring_.erase(arrival);
  event_bytes_ -= gone->memory_bytes();
  // Past its age it was no longer there to be replaced.
  if (newer.received() - gone->received() > retention.ttl)
    sources_.lost(gone->source(), gone->seq(), arrival);
}

void TopicHistory::forget_key(const Event& event, std::uint64_t arrival) noexcept {
  if (!keys_) return;
  const auto found = keys_->find(event.key());
  if (found != keys_->end() && found->second == arrival) keys_->erase(found);
}

void TopicHistory::drop_oldest() noexcept {
  const std::uint64_t arrival = ring_.front().arrival;
  forget_key(*ring_.front().event, arrival);
  const EventPtr gone = ring_.pop_front();
  event_bytes_ -= gone->memory_bytes();
  sources_.lost(gone->source(), gone->seq(), arrival);
}

bool TopicHistory::expire(SteadyTime now, Duration ttl) noexcept {
  bool some = false;
  for (; !empty() && now - ring_.front().event->received() > ttl; some = true) drop_oldest();
  return some;
}

void TopicHistory::forget() noexcept {
  while (!empty()) drop_oldest();
  sources_.clear();
  sources_.forgot_some();
}

// Takes the events of `source` that arrived as `since` or later out; its run does not change. One that
// begins again and again walks only over what came since it did so last. To free them takes far longer
// than to find them, so that is not done here.
void TopicHistory::discard(std::string_view source, std::uint64_t since, Discarded& discarded) {
  EventRing gone;
  std::size_t bytes = 0;
  if (sources_.size() == 1 && sources_.forgot() == 0 && sources_[0].source == source) {
    // Of one source that ever was, all is its own.
    gone = std::move(ring_);
    ring_ = EventRing{};
    bytes = event_bytes_;
    keys_.reset();
  } else {
    ring_.move_out(
        since,
        [&](const Retained& each) {
          if (each.event->source() != source) return false;
          bytes += each.event->memory_bytes();
          forget_key(*each.event, each.arrival);
          return true;
        },
        gone);
  }
  event_bytes_ -= bytes;
  discarded.take(std::move(gone), bytes);
}

void TopicHistory::retain(const Retention& before, const Retention& after,
                          std::size_t sources_max) {
  sources_.limit(sources_max);
  if (before.conflate && (!after.conflate || before.key != after.key)) {
    // What was replaced is missing now.
    keys_.reset();
    sources_.break_all();
  } else if (!before.conflate && after.conflate) {
    const EventRing all = std::move(ring_);
    ring_ = EventRing{};
    event_bytes_ = 0;
    Retention roomy = after;  // what is replaced need not be dropped
    roomy.size = all.size();
    try {
      all.oldest_first([&](const Retained& each) {
        keep(each.event, each.arrival, roomy);
        return true;
      });
    } catch (const std::bad_alloc&) {
      sources_.break_all();
      throw;
    }
  }
  while (ring_.size() > after.size) drop_oldest();
}

bool TopicHistory::missed(const std::vector<Position>& since, bool proven, bool conflate,
                          Selection& out) const {
  std::vector<std::uint64_t> from;
  if (!sources_.resume(since, proven, from)) return false;
  std::uint64_t left = 0;
  std::size_t behind = 0;  // sources of which something was missed
  for (std::size_t i = 0; i < from.size(); ++i) {
    left += sources_[i].newest - from[i];
    if (sources_[i].newest > from[i]) ++behind;
  }
  if (left == 0) {
    out.has_had(sources_.heard());
    return true;
  }
  // Some of them may have been replaced, and only the walk tells: it goes on until it has seen of each of
  // these sources the first that was missed, or what the reader has had.
  if (conflate)
    left = std::numeric_limits<std::uint64_t>::max();
  else if (left > out.events_left())
    return false;
  std::vector<bool> passed(from.size());
  std::size_t others_left = others_max;
  bool fits = true;
  bool has_had = false;
  ring_.newest_first([&](const Retained& each) {
    const std::size_t place = sources_.find(each.event->source(), each.arrival);
    if (place == SourceRuns::none) return fits = others_left-- > 0;
    const std::uint64_t seq = each.event->seq();
    if (seq > from[place]) {
      fits = out.take(each);
      --left;
    } else {
      if (!has_had) out.has_had(each.arrival);
      has_had = true;
      fits = others_left-- > 0;
    }
    if (seq <= from[place] + 1 && sources_[place].newest > from[place] && !passed[place]) {
      passed[place] = true;
      --behind;
    }
    return fits && ((left > 0 && behind > 0) || !has_had);
  });
  return fits;
}

std::vector<const Retained*> TopicHistory::range(std::string_view source, std::uint64_t from,
                                                 std::uint64_t to, std::size_t count,
                                                 std::size_t& steps_left) const {
  std::vector<const Retained*> found;
  for (std::size_t i = first_of(source, from, steps_left); i < ring_.places(); ++i) {
    const Retained& each = ring_.place(i);
    if (is_of(each, source)) {
      if (each.event->seq() > to || found.size() == count) break;
      found.push_back(&each);
    } else if (steps_left-- == 0) {
      steps_left = 0;
      break;
    }
  }
  return found;
}

// The place of the first event of `source` that is `from` or later; places() if there is none, or if the
// steps do not suffice.
std::size_t TopicHistory::first_of(std::string_view source, std::uint64_t from,
                                   std::size_t& steps_left) const {
  const std::size_t nowhere = ring_.places();
  const std::size_t run = sources_.find(source);
  const std::size_t begin =
      run == SourceRuns::none ? nowhere : ring_.place_from(sources_[run].began);
  std::size_t first = nowhere;
  bool earlier = false;  // there are events before `from`
  // Since a source began its numbers rise, so half of what is left is passed over with each look: at the
  // nearest event of the source at the middle or before it. Nothing is looked at twice.
  for (std::size_t low = begin, high = nowhere; low < high;) {
    const std::size_t middle = low + (high - low) / 2;
    std::size_t at = middle;
    for (;; --at) {
      if (steps_left == 0) return nowhere;
      --steps_left;
      if (at == low || is_of(ring_.place(at), source)) break;
    }
    const Retained& nearest = ring_.place(at);
    if (!is_of(nearest, source)) {
      low = middle + 1;
    } else if (nearest.event->seq() < from) {
      earlier = true;
      low = middle + 1;
    } else {
      first = high = at;
    }
  }
  if (earlier || sources_.forgot() == 0) return first;
  // It may have been forgotten and come back. Then what is kept from before is meant, too, as long as the
  // numbers fall; else it has counted anew.
  std::uint64_t below = first == nowhere ? std::numeric_limits<std::uint64_t>::max()
                                         : ring_.place(first).event->seq();
  for (std::size_t at = begin; at-- > 0;) {
    if (steps_left == 0) return nowhere;
    --steps_left;
    if (!is_of(ring_.place(at), source)) continue;
    const std::uint64_t seq = ring_.place(at).event->seq();
    if (seq < from || seq >= below) break;
    below = seq;
    first = at;
  }
  return first;
}

void TopicHistory::shrink() {
  ring_.shrink();
  if (ring_.empty()) keys_.reset();
}

std::size_t TopicHistory::bookkeeping_bytes() const noexcept {
  std::size_t bytes = ring_.bytes() + sources_.bytes();
  if (keys_)
    bytes += heap_bytes(sizeof(KeyIndex)) +
             heap_bytes(keys_->bucket_count() * (sizeof(KeyIndex::value_type) + 8));
  return bytes;
}

}  // namespace zws
