#include "ingest/hold_back.hpp"

#include <algorithm>
#include <memory>
#include <string>

#include "core/log.hpp"
#include "core/topic.hpp"

namespace zws {
namespace {

constexpr std::size_t event_bytes = 224;  // its node, and what malloc adds
constexpr std::size_t released_at_once = 256;
constexpr std::uint64_t any_seq = ~std::uint64_t{0};
constexpr std::chrono::milliseconds due_pace{2};  // of one stream: what is due goes on together
constexpr std::size_t ended_max = 1'000;          // connections

std::size_t bytes_of(std::string_view payload, std::string_view key) noexcept {
  return event_bytes + payload.size() + key.size();
}

void link(HeldBack& held, HeldEvent& event) noexcept {
  event.earlier = held.latest;
  (held.latest != nullptr ? held.latest->later : held.earliest) = &event;
  held.latest = &event;
}

void unlink(HeldBack& held, const HeldEvent& event) noexcept {
  (event.earlier != nullptr ? event.earlier->later : held.earliest) = event.later;
  (event.later != nullptr ? event.later->earlier : held.latest) = event.earlier;
}

bool is_held(const RepairStream& stream, std::uint64_t seq) noexcept {
  return stream.held && stream.held->events.find(seq) != stream.held->events.end();
}

bool awaits_publisher(const RepairStream& stream) noexcept {
  return stream.held && stream.held->awaits_publisher;
}

}  // namespace

HoldBack::HoldBack(Sink& next, Streams& streams, Publishers& publishers, IngestMetrics& metrics,
                   const Clock& clock)
    : next_(next), streams_(streams), publishers_(publishers), metrics_(metrics), clock_(clock) {
  released_.reserve(released_at_once);
}

// --- live events ---------------------------------------------------------------------------------

// Those that no hole concerns go on together, as they came.
void HoldBack::accept(const Arrival* arrivals, std::size_t count) noexcept {
  std::size_t handed = 0;
  std::size_t at = 0;
  const auto hand_on_to = [&](std::size_t end) {
    const std::size_t from = std::exchange(handed, end);
    if (end > from) next_.accept(arrivals + from, end - from);
  };
  for (; at < count; ++at) {
    if (is_plain(arrivals[at])) continue;
    hand_on_to(at);
    handed = at + 1;
    take_or_pass(arrivals[at]);
  }
  hand_on_to(count);
  try {
    if (publishers_.has_to_ask()) publishers_.ask();
  } catch (const std::exception& error) {
    log::error("asking publishers for what got lost failed: {}", error.what());
  }
}

bool HoldBack::is_plain(const Arrival& arrival) const noexcept {
  if (arrival.source.empty() || is_reserved(arrival.topic)) return true;
  RepairStream* const stream = streams_.find(arrival.topic, arrival.source);
  if (stream == nullptr) return false;
  stream->recent = stream->source->heard = true;
  if (!stream->begun || stream->held || arrival.seq != stream->numbers.newest() + 1) return false;
  stream->numbers.take(arrival.seq, arrival.sent_ns);
  return true;
}

// Where memory is short it goes on as it came: the exchange drops what comes twice, and tells what is missing.
void HoldBack::take_or_pass(const Arrival& arrival) noexcept try {
  take(arrival);
} catch (const std::exception& error) {
  log::error("repairing what producers sent failed: {}", error.what());
  next_.accept(&arrival, 1);
}

void HoldBack::take(const Arrival& arrival) {
  RepairStream* const known = streams_.find(arrival.topic, arrival.source);
  RepairStream& stream =
      known != nullptr ? *known : streams_.add(arrival.topic, streams_.source(arrival.source));
  stream.source->heard = true;
  if (!stream.begun) return take_first(stream, arrival);
  if (arrival.seq <= stream.numbers.newest()) return take_old(stream, arrival);
  if (arrival.seq > stream.numbers.newest() + 1) return take_jump(stream, arrival);
  hand_on(stream, arrival);
  settle(stream);
}

// Nobody knows whether anything was before it, but for its publisher.
void HoldBack::take_first(RepairStream& stream, const Arrival& arrival) {
  RepairSource& source = *stream.source;
  if (stream.held && arrival.seq <= stream.held->events.rbegin()->first) {  // it goes backwards
    release_all(stream);
    return take(arrival);
  }
  if (arrival.seq == 1 || source.forgot || !publishers_.may_help(source)) {
    release_all(stream);
    stream.numbers.begin_behind(std::max(stream.numbers.newest(), arrival.seq - 1));
    return hand_on(stream, arrival);
  }
  if (source.state == RepairSource::State::waiting) return hold(stream, arrival);
  begin(stream, arrival.seq - 1);
  take(arrival);
}

void HoldBack::take_jump(RepairStream& stream, const Arrival& arrival) {
  if (!stream.held && !publishers_.may_help(*stream.source)) return hand_on(stream, arrival);
  std::uint64_t last = stream.numbers.newest();
  if (arrival.seq <= stream.repaired_to && is_held(stream, arrival.seq)) return;
  if (stream.held) last = stream.held->events.rbegin()->first;
  hold(stream, arrival);
  if (!stream.held) return;  // there was no room
  if (arrival.seq > last + 1 && !awaits_publisher(stream))
    publishers_.plan(stream, {last + 1, arrival.seq - 1});
  settle(stream);
}

// What came as an answer, and comes late all the same, is nothing that anybody has to know of.
void HoldBack::take_old(RepairStream& stream, const Arrival& arrival) {
  if (stream.numbers.is_later(arrival.sent_ns))
    release_all(stream);
  else if (arrival.seq <= stream.repaired_to)
    return;
  if (stream.numbers.take(arrival.seq, arrival.sent_ns) == Numbering::Step::restart) {
    stream.repaired_to = 0;
    publishers_.begin_again(stream);
  }
  next_.accept(&arrival, 1);
}

void HoldBack::hand_on(RepairStream& stream, const Arrival& arrival) noexcept {
  stream.begun = true;
  stream.numbers.take(arrival.seq, arrival.sent_ns);
  next_.accept(&arrival, 1);
}

// What came over it and is held comes later.
void HoldBack::ended(std::uint64_t connection) noexcept try {
  if (bytes_ > 0) ended_.insert(connection);
  if (ended_.size() >= ended_max) {
    for (const auto& [time_and_order, id] : deadlines_)
      for (auto& [seq, event] : streams_.find(id)->held->events)
        event.connection = connection_now(event);
    ended_.clear();
  }
  next_.ended(connection);
} catch (const std::exception& error) {
  log::error("the end of a producer's connection is not noted: {}", error.what());
  next_.ended(connection);
}

std::uint64_t HoldBack::connection_now(const HeldEvent& event) const noexcept {
  return ended_.count(event.connection) > 0 ? Arrival::over : event.connection;
}

// --- what publishers say -------------------------------------------------------------------------

void HoldBack::note_kept(RepairStream& stream) {
  if (awaits_publisher(stream)) {
    plan_holes(stream);
    settle(stream);
  }
  // A burst since its first event may be on its way, and its end would come before its beginning.
  const bool may_be_coming = stream.kept_from <= 1 && stream.said_to > rules_.first_events;
  if (stream.begun || may_be_coming) return;
  note_unheard(stream);
  publishers_.plan(stream, {stream.numbers.newest() + 1, stream.said_to});
}

// What its publisher said may have come late, and tell nothing of a topic that has begun since.
void HoldBack::note_asked(const RepairSource& source) {
  std::vector<RepairStream*> waiting;
  for (const auto& [time_and_order, id] : deadlines_) {
    RepairStream* const stream = streams_.find(id);
    if (stream->source == &source && awaits_publisher(*stream)) waiting.push_back(stream);
  }
  for (RepairStream* const stream : waiting) {
    plan_holes(*stream);
    settle(*stream);
  }
}

// Of what nobody heard nothing is asked for where it may only have been forgotten.
void HoldBack::note_unheard(RepairStream& stream) noexcept {
  begin(stream, stream.said_to);
  if (stream.source->forgot) stream.numbers.begin_behind(stream.said_to);
}

// Of what came before `last` only as much is asked for as a topic can keep.
void HoldBack::begin(RepairStream& stream, std::uint64_t last) noexcept {
  const std::uint64_t least = last > rules_.first_events ? last - rules_.first_events : 0;
  const std::uint64_t before = stream.kept_from > 0 ? stream.kept_from - 1 : 0;
  stream.numbers.begin_behind(std::min(std::max(least, before), last));
  stream.begun = true;
}

// Of a stream that has waited for its publisher.
void HoldBack::plan_holes(RepairStream& stream) {
  stream.held->awaits_publisher = false;
  if (!stream.begun) begin(stream, stream.held->events.begin()->first - 1);
  std::uint64_t last = stream.numbers.newest();
  for (const auto& [seq, event] : stream.held->events) {
    if (seq > last + 1) publishers_.plan(stream, {last + 1, seq - 1});
    last = std::max(last, seq);
  }
}

void HoldBack::take_answer(RepairStream& stream, const Arrival& arrival) {
  if (is_held(stream, arrival.seq)) return;
  metrics_.repaired.add();
  stream.repaired_to = std::max(stream.repaired_to, arrival.seq);
  Arrival again = arrival;
  again.connection = Arrival::over;  // of that over which it was published nothing is known
  if (again.seq == stream.numbers.newest() + 1)
    hand_on(stream, again);
  else
    hold(stream, again);
  settle(stream);
}

void HoldBack::note_end(RepairStream& stream, SeqRange range) noexcept {
  count_failed(metrics_, RepairFailure::gone, missing(stream, range));
  settle(stream);
}

void HoldBack::note_lost(RepairStream& stream) noexcept {
  if (stream.held) stream.held->awaits_publisher = true;
}

// --- what waits ----------------------------------------------------------------------------------

void HoldBack::hold(RepairStream& stream, const Arrival& arrival) {
  if (make_room(stream, bytes_of(arrival.payload, arrival.key))) return keep(stream, arrival);
  let_go(stream);
  if (arrival.seq > stream.numbers.newest()) hand_on(stream, arrival);
}

// What waits longest goes on first. False if there is no room for this stream.
bool HoldBack::make_room(const RepairStream& stream, std::size_t bytes) noexcept {
  bool fits = bytes <= rules_.bytes;
  while (fits && bytes_ + bytes > rules_.bytes && !deadlines_.empty()) {
    RepairStream& oldest = *streams_.find(deadlines_.begin()->second);
    let_go(oldest);
    fits = &oldest != &stream;
  }
  return fits;
}

// If it throws, nothing is held that was not.
void HoldBack::keep(RepairStream& stream, const Arrival& arrival) {
  const RepairSource& source = *stream.source;
  const SteadyTime until = clock_.steady() + rules_.wait;
  std::unique_ptr<HeldBack> first = stream.held ? nullptr : std::make_unique<HeldBack>();
  HeldBack& held = first ? *first : *stream.held;
  const auto kept = held.events.emplace(
      arrival.seq, HeldEvent{arrival.seq, std::string(arrival.payload), std::string(arrival.key),
                             arrival.sent_ns, arrival.connection, until});
  link(held, kept->second);
  if (first) {
    const bool waits = source.state == RepairSource::State::waiting;
    held.deadline = waits ? std::min(until, source.until) : until;
    held.order = ++order_;
    deadlines_.emplace(std::pair(held.deadline, held.order), stream.id);
    stream.held = std::move(first);
  }
  held.awaits_publisher |= source.state != RepairSource::State::asked;
  bytes_ += bytes_of(arrival.payload, arrival.key);
}

// Allocates nothing.
void HoldBack::set_deadline(RepairStream& stream, SteadyTime deadline) noexcept {
  HeldBack& held = *stream.held;
  auto node = deadlines_.extract({held.deadline, held.order});
  held.deadline = deadline;
  node.key() = {deadline, held.order};
  deadlines_.insert(std::move(node));
}

// Hands on what no hole is before any more, or only one that stays.
void HoldBack::settle(RepairStream& stream) noexcept {
  while (stream.held) {
    const auto& events = stream.held->events;
    std::uint64_t to = events.begin()->first;
    const SeqRange hole{stream.numbers.newest() + 1, to - 1};
    const auto may_come = [&] {
      return awaits_publisher(stream) || publishers_.may_send(stream, hole);
    };
    if (hole.from <= hole.to && may_come()) break;
    for (auto behind = events.begin(); behind != events.end() && behind->first <= to + 1; ++behind)
      to = behind->first;
    release(stream, to);
  }
}

// In order, as far as `to`.
void HoldBack::release(RepairStream& stream, std::uint64_t to) noexcept {
  auto& events = stream.held->events;
  if (!stream.begun) stream.numbers.begin_behind(events.begin()->first - 1);
  stream.begun = true;
  while (!events.empty() && events.begin()->first <= to) {
    released_.clear();
    auto end = events.begin();
    for (; end != events.end() && end->first <= to && released_.size() < released_at_once; ++end) {
      const HeldEvent& event = end->second;
      released_.push_back({stream.topic, event.payload, stream.source->name, end->first,
                           event.sent_ns, event.key, connection_now(event)});
      stream.numbers.take(end->first, event.sent_ns);
      unlink(*stream.held, event);
      bytes_ -= bytes_of(event.payload, event.key);
    }
    next_.accept(released_.data(), released_.size());
    events.erase(events.begin(), end);
  }
  // Else the deadline may be that of an event which has gone: release_due() looks.
  if (events.empty()) {
    deadlines_.erase({stream.held->deadline, stream.held->order});
    stream.held.reset();
  }
  if (bytes_ == 0) ended_.clear();
}

void HoldBack::release_all(RepairStream& stream) noexcept {
  if (stream.held) release(stream, any_seq);
}

// ... and what is missing is not to be had, for want of room.
void HoldBack::let_go(RepairStream& stream) noexcept {
  if (!stream.held) return;
  const SeqRange all{stream.numbers.newest() + 1, stream.held->events.rbegin()->first};
  if (stream.begun) count_failed(metrics_, RepairFailure::no_room, missing(stream, all));
  release_all(stream);
}

void HoldBack::let_all_go() noexcept {
  while (!deadlines_.empty()) let_go(*streams_.find(deadlines_.begin()->second));
}

// How many numbers of it have not come.
std::uint64_t HoldBack::missing(const RepairStream& stream, SeqRange range) const noexcept {
  const std::uint64_t from = std::max(range.from, stream.numbers.newest() + 1);
  if (from > range.to) return 0;
  std::uint64_t here = 0;
  if (stream.held) {
    const auto& events = stream.held->events;
    for (auto at = events.lower_bound(from); at != events.end() && at->first <= range.to;
         at = events.upper_bound(at->first))
      ++here;
  }
  return range.to - from + 1 - here;
}

// --- time ----------------------------------------------------------------------------------------

void HoldBack::look() {
  const SteadyTime now = clock_.steady();
  while (!deadlines_.empty() && deadlines_.begin()->first.first <= now)
    release_due(*streams_.find(deadlines_.begin()->second), now);
}

// What has waited long enough goes on, with what there is before it.
void HoldBack::release_due(RepairStream& stream, SteadyTime now) {
  RepairSource& source = *stream.source;
  std::uint64_t to = 0;
  const HeldEvent* event = stream.held->earliest;
  for (; event != nullptr && event->until <= now; event = event->later)
    to = std::max(to, event->seq);
  SteadyTime next = event != nullptr ? event->until : SteadyTime::max();
  const bool awaits = awaits_publisher(stream);
  // Where it is mute from now on all its streams are, whichever was looked at first.
  if (awaits && !publishers_.may_help(source)) {
    count_unanswered(stream, stream.held->events.rbegin()->first);
    return release_all(stream);
  }
  if (awaits && source.state == RepairSource::State::waiting) next = std::min(next, source.until);
  if (to == 0) return set_deadline(stream, next);
  if (!awaits) publishers_.note_overdue(stream, {stream.numbers.newest() + 1, to});
  count_unanswered(stream, to);
  release(stream, to);
  if (stream.held) set_deadline(stream, std::max<SteadyTime>(next, now + due_pace));
  settle(stream);
}

// ... of a source whose publisher can be asked, or could until a moment ago.
void HoldBack::count_unanswered(const RepairStream& stream, std::uint64_t to) noexcept {
  if (!stream.begun || !stream.source->spoke) return;
  const SeqRange due{stream.numbers.newest() + 1, to};
  count_failed(metrics_, RepairFailure::unanswered, missing(stream, due));
}

SteadyTime HoldBack::next_time() const noexcept {
  return deadlines_.empty() ? SteadyTime::max() : deadlines_.begin()->first.first;
}

}  // namespace zws
