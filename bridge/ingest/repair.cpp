#include "ingest/repair.hpp"

#include <algorithm>

#include "core/topic.hpp"

namespace zws {
namespace {

constexpr std::size_t publishers_max = 1000;
constexpr std::size_t sources_max = 64;  // of a publisher
constexpr std::uint64_t hole_max = Wants::of_publisher_max * Wants::events_max;
constexpr std::size_t held_event_bytes = 192;  // its node, and what malloc adds
constexpr std::size_t released_at_once = 256;
constexpr std::uint64_t any_seq = ~std::uint64_t{0};

// What a publisher says may be ahead of what it has published.
constexpr std::chrono::milliseconds late_patience{100};
constexpr std::chrono::milliseconds silence_patience{1'000};
constexpr std::chrono::milliseconds full_patience{20};
constexpr std::chrono::milliseconds due_pace{2};  // of one stream: each looks at all that it holds
constexpr std::size_t ended_max = 1'000;          // connections
constexpr std::chrono::seconds sweep_pace{1};     // of all publishers, where there is no room
constexpr unsigned silences_counted = 7;          // a minute, by then

}  // namespace

Repair::Repair(Sink& next, Asker& asker, IngestMetrics& metrics, const Clock& clock)
    : next_(next),
      asker_(asker),
      metrics_(metrics),
      clock_(clock),
      streams_([this](RepairStream& stream) {
        release_all(stream, RepairFailure::no_room);
        for (Want& want : wants_.all())
          if (want.stream == stream.id) wants_.give_up(want);
        stream.care.reset();
      }) {
  set_rules(rules_);
}

Repair::~Repair() = default;

void Repair::set_rules(const RepairRules& rules) {
  rules_ = rules;
  streams_.set_bytes_max(rules.stream_bytes);
}

// --- live events ---------------------------------------------------------------------------------

// Those that no hole concerns go on together, as they came.
void Repair::accept(const Arrival* arrivals, std::size_t count) noexcept {
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
    if (queued_ > 0) ask();
  } catch (const std::exception& error) {
    log::error("asking publishers for what got lost failed: {}", error.what());
  }
}

bool Repair::is_plain(const Arrival& arrival) {
  if (arrival.source.empty() || is_reserved(arrival.topic)) return true;
  RepairStream* const stream = streams_.find(arrival.topic, arrival.source);
  if (stream == nullptr) return false;
  stream->recent = stream->source->heard = true;
  if (!stream->begun || stream->care || arrival.seq != stream->numbers.newest() + 1) return false;
  stream->numbers.take(arrival.seq, arrival.sent_ns);
  return true;
}

// Where memory is short it goes on as it came: the exchange drops what comes twice, and tells what is missing.
void Repair::take_or_pass(const Arrival& arrival) noexcept try {
  take(arrival);
} catch (const std::exception& error) {
  log::error("repairing what producers sent failed: {}", error.what());
  next_.accept(&arrival, 1);
}

void Repair::take(const Arrival& arrival) {
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
void Repair::take_first(RepairStream& stream, const Arrival& arrival) {
  RepairSource& source = *stream.source;
  const bool holds = stream.care && !stream.care->held.empty();
  if (holds && arrival.seq <= stream.care->held.rbegin()->first) {  // it goes backwards
    release_all(stream, RepairFailure::count_);
    return take(arrival);
  }
  if (arrival.seq > 1) give_time(source);
  if (arrival.seq == 1 || source.forgot || !can_wait(source)) {
    release_all(stream, RepairFailure::count_);
    stream.numbers.begin_behind(std::max(stream.numbers.newest(), arrival.seq - 1));
    hand_on(stream, arrival);
    return settle(stream);
  }
  if (source.state == RepairSource::State::waiting) {
    care(stream).awaits_publisher = true;
    return hold(stream, arrival);
  }
  begin(stream, arrival.seq - 1);
  take(arrival);
}

// Of what came before `last` only as much is asked for as a topic can keep.
void Repair::begin(RepairStream& stream, std::uint64_t last) {
  const std::uint64_t least = last > rules_.first_events ? last - rules_.first_events : 0;
  const std::uint64_t before = stream.kept_from > 0 ? stream.kept_from - 1 : 0;
  stream.numbers.begin_behind(std::min(std::max(least, before), last));
  stream.asked_to = stream.numbers.newest();
  stream.begun = true;
}

void Repair::take_jump(RepairStream& stream, const Arrival& arrival) {
  RepairSource& source = *stream.source;
  const bool holds = stream.care && !stream.care->held.empty();
  const bool has_come = arrival.seq <= stream.repaired_to && holds;
  if (has_come && stream.care->held.count(arrival.seq) > 0) return;
  give_time(source);
  if (!holds && !can_wait(source)) {
    hand_on(stream, arrival);
    return settle(stream);
  }
  const std::uint64_t last = holds ? stream.care->held.rbegin()->first : stream.numbers.newest();
  hold(stream, arrival);
  if (!stream.care || stream.care->held.empty()) return;  // there was no room
  if (source.state != RepairSource::State::asked)
    stream.care->awaits_publisher = true;
  else if (arrival.seq > last + 1)
    plan(stream, {last + 1, arrival.seq - 1});
  settle(stream);
}

// What came as an answer, and comes late all the same, is nothing that anybody has to know of.
void Repair::take_old(RepairStream& stream, const Arrival& arrival) {
  if (stream.numbers.is_later(arrival.sent_ns))
    release_all(stream, RepairFailure::count_);
  else if (arrival.seq <= stream.repaired_to)
    return;
  if (stream.numbers.take(arrival.seq, arrival.sent_ns) == Numbering::Step::restart) {
    stream.repaired_to = stream.kept_from = stream.said_to = 0;
    stream.asked_to = arrival.seq;
  }
  next_.accept(&arrival, 1);
}

void Repair::hand_on(RepairStream& stream, const Arrival& arrival) {
  stream.begun = true;
  stream.numbers.take(arrival.seq, arrival.sent_ns);
  next_.accept(&arrival, 1);
}

// What came over it and is held comes later.
void Repair::ended(std::uint64_t connection) noexcept try {
  if (held_bytes_ > 0) ended_.insert(connection);
  if (ended_.size() >= ended_max) {
    for (const auto& [time, id] : deadlines_)
      for (auto& [seq, event] : streams_.find(id)->care->held)
        event.connection = connection_now(event);
    ended_.clear();
  }
  next_.ended(connection);
} catch (const std::exception& error) {
  log::error("the end of a producer's connection is not noted: {}", error.what());
  next_.ended(connection);
}

std::uint64_t Repair::connection_now(const HeldEvent& event) const noexcept {
  return ended_.count(event.connection) > 0 ? Arrival::over : event.connection;
}

// --- what waits ----------------------------------------------------------------------------------

// Its publisher may be about to speak of it. Once.
void Repair::give_time(RepairSource& source) {
  if (source.state != RepairSource::State::unheard || source.forgot) return;
  source.state = RepairSource::State::waiting;
  source.until = clock_.steady() + rules_.wait;
}

bool Repair::can_wait(RepairSource& source) {
  switch (source.state) {
    case RepairSource::State::waiting:
      if (clock_.steady() < source.until) return true;
      source.state = RepairSource::State::mute;
      return false;
    case RepairSource::State::asked: return source.owner != nullptr && !source.owner->deaf;
    case RepairSource::State::unheard:
    case RepairSource::State::mute: break;
  }
  return false;
}

RepairCare& Repair::care(RepairStream& stream) {
  if (!stream.care) stream.care = std::make_unique<RepairCare>();
  return *stream.care;
}

// Where there is no room, what waits longest goes on first.
void Repair::hold(RepairStream& stream, const Arrival& arrival) {
  const std::size_t bytes = held_event_bytes + arrival.payload.size() + arrival.key.size();
  bool fits = bytes <= rules_.held_bytes;
  while (fits && held_bytes_ + bytes > rules_.held_bytes && !deadlines_.empty()) {
    RepairStream& oldest = *streams_.find(deadlines_.begin()->second);
    release_all(oldest, RepairFailure::no_room);
    fits = &oldest != &stream;
  }
  if (!fits) {
    release_all(stream, RepairFailure::no_room);
    if (arrival.seq > stream.numbers.newest()) hand_on(stream, arrival);
    return settle(stream);
  }
  RepairCare& kept = care(stream);
  const SteadyTime until = clock_.steady() + rules_.wait;
  kept.held.emplace(arrival.seq, HeldEvent{std::string(arrival.payload), std::string(arrival.key),
                                           arrival.sent_ns, arrival.connection, until});
  held_bytes_ += bytes;
  if (kept.deadline != SteadyTime{}) return;
  set_deadline(stream, kept.awaits_publisher ? std::min(until, stream.source->until) : until);
}

void Repair::set_deadline(RepairStream& stream, SteadyTime deadline) {
  RepairCare& kept = *stream.care;
  if (kept.deadline != SteadyTime{}) deadlines_.erase({kept.deadline, stream.id});
  kept.deadline = deadline;
  if (deadline != SteadyTime{}) deadlines_.emplace(deadline, stream.id);
}

// In order, as far as `to`.
void Repair::release(RepairStream& stream, std::uint64_t to) {
  auto& held = stream.care->held;
  if (!stream.begun && !held.empty()) stream.numbers.begin_behind(held.begin()->first - 1);
  stream.begun = true;
  while (!held.empty() && held.begin()->first <= to) {
    released_.clear();
    auto end = held.begin();
    for (; end != held.end() && end->first <= to && released_.size() < released_at_once; ++end) {
      const HeldEvent& event = end->second;
      released_.push_back({stream.topic, event.payload, stream.source->name, end->first,
                           event.sent_ns, event.key, connection_now(event)});
      stream.numbers.take(end->first, event.sent_ns);
      held_bytes_ -= held_event_bytes + event.payload.size() + event.key.size();
    }
    next_.accept(released_.data(), released_.size());
    held.erase(held.begin(), end);
  }
  // Else the deadline may be that of an event which has gone: release_due() looks.
  if (held.empty()) set_deadline(stream, {});
  if (held_bytes_ == 0) ended_.clear();
}

// `why` counts what is missing; `count_` counts nothing.
void Repair::release_all(RepairStream& stream, RepairFailure why) {
  if (!stream.care) return;
  stream.care->awaits_publisher = false;
  if (stream.care->held.empty()) return;
  if (why != RepairFailure::count_ && stream.begun)
    fail(why, missing(stream, {stream.numbers.newest() + 1, stream.care->held.rbegin()->first}));
  release(stream, any_seq);
  settle(stream);
}

// What has waited long enough goes on, with what there is before it.
void Repair::release_due(RepairStream& stream, SteadyTime now) {
  RepairCare& kept = *stream.care;
  std::uint64_t to = 0;
  SteadyTime next = SteadyTime::max();  // of what is behind `to`
  for (const auto& [seq, event] : kept.held) {
    if (event.until <= now) to = seq;
    next = event.until <= now ? SteadyTime::max() : std::min(next, event.until);
  }
  if (kept.awaits_publisher) {
    if (stream.source->state == RepairSource::State::waiting)
      next = std::min(next, stream.source->until);
    if (to == 0 && next > now) return set_deadline(stream, next);
    can_wait(*stream.source);  // it is mute from now on, or has spoken of other topics
    return release_all(stream, RepairFailure::count_);
  }
  if (to == 0) return set_deadline(stream, next);
  const SeqRange due{stream.numbers.newest() + 1, to};
  for (Want& want : wants_.all()) {
    const bool asked = !want.given_up && want.stream == stream.id && want.range.from <= due.to;
    const SteadyTime heard = std::max(want.sent, want.publisher->answered);
    if (asked && now - heard >= rules_.wait && !want.publisher->deaf) {
      deafen(*want.publisher, now);
      break;
    }
  }
  fail(RepairFailure::unanswered, missing(stream, due));
  release(stream, to);
  if (!kept.held.empty()) set_deadline(stream, std::max<SteadyTime>(next, now + due_pace));
  settle(stream);
}

// Hands on what no hole is before any more, or only one that stays.
void Repair::settle(RepairStream& stream) {
  if (!stream.care) return;
  auto& held = stream.care->held;
  while (!held.empty()) {
    std::uint64_t to = held.begin()->first;
    const std::uint64_t next = stream.numbers.newest() + 1;
    if (to > next && is_open(stream, {next, to - 1})) break;
    for (auto behind = held.begin(); behind != held.end() && behind->first <= to + 1; ++behind)
      to = behind->first;
    release(stream, to);
  }
  auto& to_ask = stream.care->to_ask;
  while (!to_ask.empty() && to_ask.front().to <= stream.numbers.newest()) to_ask.pop_front();
  if (held.empty() && to_ask.empty() && !wants_.ask_for(stream.id, {0, any_seq}))
    stream.care.reset();
}

// Whether some of it may still come.
bool Repair::is_open(const RepairStream& stream, SeqRange range) const noexcept {
  const auto& to_ask = stream.care->to_ask;
  const auto planned =
      std::lower_bound(to_ask.begin(), to_ask.end(), range.from,
                       [](SeqRange each, std::uint64_t from) { return each.to < from; });
  return stream.care->awaits_publisher || wants_.ask_for(stream.id, range) ||
         (planned != to_ask.end() && planned->from <= range.to);
}

// How many numbers of it have not come.
std::uint64_t Repair::missing(const RepairStream& stream, SeqRange range) const noexcept {
  const std::uint64_t from = std::max(range.from, stream.numbers.newest() + 1);
  if (from > range.to) return 0;
  std::uint64_t here = 0;
  if (stream.care) {
    const auto& held = stream.care->held;
    for (auto at = held.lower_bound(from); at != held.end() && at->first <= range.to;
         at = held.upper_bound(at->first))
      ++here;
  }
  return range.to - from + 1 - here;
}

// --- what is asked for ---------------------------------------------------------------------------

void Repair::plan(RepairStream& stream, SeqRange range) {
  range.from = std::max({range.from, stream.numbers.newest() + 1, stream.asked_to + 1});
  if (range.from > range.to) return;
  stream.asked_to = range.to;
  if (stream.kept_from > range.from) {
    const std::uint64_t from = std::min(stream.kept_from, range.to + 1);
    fail(RepairFailure::gone, from - range.from);
    range.from = from;
  }
  if (range.from > range.to) return;
  if (range.to - range.from >= hole_max) {
    const std::uint64_t from = range.to - hole_max + 1;
    fail(RepairFailure::no_room, from - range.from);
    range.from = from;
  }
  care(stream).to_ask.push_back(range);
  queue(stream);
}

// Of what has waited for its publisher.
void Repair::plan_holes(RepairStream& stream) {
  std::uint64_t last = stream.numbers.newest();
  for (const auto& [seq, event] : stream.care->held) {
    if (seq > last + 1) plan(stream, {last + 1, seq - 1});
    last = std::max(last, seq);
  }
}

void Repair::queue(RepairStream& stream) {
  AskedPublisher* const publisher = stream.source->owner;
  if (publisher == nullptr) return;
  const bool urgent = !stream.care->held.empty();
  bool& queued = urgent ? stream.care->queued_urgent : stream.care->queued_idle;
  if (std::exchange(queued, true)) return;
  (urgent ? publisher->urgent : publisher->idle).push_back(stream.id);
  ++queued_;
}

void Repair::look_at_late(SteadyTime now) {
  while (!late_.empty() && late_.front().first <= now) {
    RepairStream* const stream = streams_.find(late_.front().second);
    late_.pop_front();
    if (stream == nullptr || !std::exchange(stream->late, false) || !stream->begun) continue;
    if (!can_wait(*stream->source)) continue;
    plan(*stream, {stream->numbers.newest() + 1, stream->said_to});
  }
}

// In turn, first where events wait.
void Repair::ask() {
  if (queued_ == 0) return;
  const SteadyTime now = clock_.steady();
  for (const bool urgent : {true, false}) {
    bool progress = true;
    while (queued_ > 0 && progress) {
      progress = false;
      for (const auto& [id, publisher] : publishers_) {
        const bool can_take = publisher->full_until <= now && wants_.room_for(*publisher, urgent);
        if ((can_take || publisher->deaf) && ask_one(*publisher, urgent)) progress = true;
      }
    }
  }
  while (!gone_.empty()) {
    AskedPublisher& publisher = *gone_.back();
    gone_.pop_back();
    lose(publisher);
  }
}

// False if nothing more can be asked of it now.
bool Repair::ask_one(AskedPublisher& publisher, bool urgent) {
  auto& ids = urgent ? publisher.urgent : publisher.idle;
  if (ids.empty()) return false;
  const auto pass_over = [&] {
    ids.pop_front();
    --queued_;
    return true;
  };
  RepairStream* const stream = streams_.find(ids.front());
  if (stream == nullptr || !stream->care || stream->source->owner != &publisher) return pass_over();
  RepairCare& kept = *stream->care;
  bool& queued = urgent ? kept.queued_urgent : kept.queued_idle;
  auto& to_ask = kept.to_ask;
  while (!to_ask.empty() && to_ask.front().to <= stream->numbers.newest())
    to_ask.erase(to_ask.begin());
  if (to_ask.empty() || publisher.deaf) {
    queued = false;
    if (publisher.deaf) give_up(*stream);
    settle(*stream);
    return pass_over();
  }
  SeqRange range = to_ask.front();
  range.from = std::max(range.from, stream->numbers.newest() + 1);
  range.to = std::min(range.to, range.from + Wants::events_max - 1);
  const Sent sent = asker_.want(publisher.id, stream->source->name, stream->topic, range);
  if (sent == Sent::full) {
    asks_again_ = publisher.full_until = clock_.steady() + full_patience;
    return false;
  }
  if (sent == Sent::gone) {
    gone_.push_back(&publisher);
    publisher.wants = Wants::of_publisher_max;  // it is asked no more
    return false;
  }
  wants_.add(
      {&publisher, stream->id, stream->topic, stream->source->name, range, clock_.steady(), false});
  to_ask.front().from = range.to + 1;
  if (to_ask.front().from > to_ask.front().to) to_ask.erase(to_ask.begin());
  if (!to_ask.empty()) return true;
  queued = false;
  return pass_over();
}

// Nothing of it is to be asked for any more; when its publisher speaks of it again, it is.
void Repair::give_up(RepairStream& stream) {
  if (!stream.care) return;
  stream.care->to_ask.clear();
  if (stream.care->held.empty()) stream.asked_to = stream.numbers.newest();
}

// --- what publishers say -------------------------------------------------------------------------

void Repair::greet(const std::string& id) {
  if (AskedPublisher* const known = publisher(id)) lose(*known);
  if (add_publisher(id) == nullptr) note_unasked();
}

void Repair::note_kept(const std::string& id, std::string_view source,
                       const std::vector<KeptRange>& kept) {
  AskedPublisher* const known = publisher(id);
  AskedPublisher* const taken = known != nullptr ? known : add_publisher(id);
  if (taken == nullptr) return note_unasked();
  AskedPublisher& speaker = *taken;
  const SteadyTime now = clock_.steady();
  if (speaker.deaf && now < speaker.deaf_until) return;
  speaker.deaf = false;
  RepairSource* const said = own(speaker, source);
  if (said == nullptr) return;
  for (const KeptRange& range : kept) {
    RepairStream* stream = streams_.find(range.topic, source);
    if (stream == nullptr && !streams_.full()) stream = &streams_.add(range.topic, *said);
    if (stream != nullptr) note_kept(*stream, range);
  }
  ask();
}

void Repair::note_kept(RepairStream& stream, const KeptRange& kept) {
  stream.kept_from = kept.first;
  stream.said_to = kept.newest;
  if (stream.care && stream.care->awaits_publisher) {
    stream.care->awaits_publisher = false;
    if (!stream.begun) begin(stream, stream.care->held.begin()->first - 1);
    plan_holes(stream);
    settle(stream);
  }
  if (!stream.begun) {
    begin(stream, kept.newest);
    if (stream.source->forgot) stream.numbers.begin_behind(kept.newest);
    plan(stream, {stream.numbers.newest() + 1, kept.newest});
  } else if (kept.newest > std::max(stream.numbers.newest(), stream.asked_to) &&
             !std::exchange(stream.late, true)) {
    late_.emplace_back(clock_.steady() + late_patience, stream.id);
  }
}

// The source, if it is this publisher's: it belongs to the connection that spoke of it first, until
// that is gone or does not answer.
RepairSource* Repair::own(AskedPublisher& publisher, std::string_view name) {
  RepairSource* source = &streams_.source(name);
  if (source->owner == &publisher) return source;
  if (source->owner != nullptr) {
    AskedPublisher& owner = *source->owner;
    if (!owner.deaf && asker_.nothing(owner.id) != Sent::gone) {
      publisher.refused = true;
      note_unasked();
      return nullptr;
    }
    lose(owner);
    source = &streams_.source(name);  // which may have gone with its owner
  }
  if (publisher.sources.size() >= sources_max) {
    note_unasked();
    streams_.let_go_if_unused(*source);
    return nullptr;
  }
  publisher.sources.push_back(source);
  source->owner = &publisher;
  source->state = RepairSource::State::asked;
  return source;
}

void Repair::take_answer(const std::string& id, const Arrival& arrival) {
  AskedPublisher* const known = publisher(id);
  RepairStream* const stream = streams_.find(arrival.topic, arrival.source);
  Want* const want = known == nullptr || stream == nullptr
                         ? nullptr
                         : wants_.find(*known, stream->id, arrival.seq);
  if (want == nullptr) return note_unasked();
  has_answered(*known);
  if (arrival.seq <= stream->numbers.newest()) {
    if (want->given_up) note_unasked();  // too late
    return;
  }
  if (stream->care && stream->care->held.count(arrival.seq) > 0) return;
  metrics_.repaired.add();
  stream->repaired_to = std::max(stream->repaired_to, arrival.seq);
  Arrival again = arrival;
  again.connection = Arrival::over;  // of that over which it was published nothing is known
  if (again.seq == stream->numbers.newest() + 1)
    hand_on(*stream, again);
  else
    hold(*stream, again);
  settle(*stream);
}

void Repair::take_end(const std::string& id, std::string_view source, std::string_view topic,
                      SeqRange range) {
  AskedPublisher* const known = publisher(id);
  Want want;
  if (known == nullptr || !wants_.take(*known, source, topic, range, want)) return note_unasked();
  has_answered(*known);
  if (RepairStream* const stream = streams_.find(topic, source)) {
    if (!want.given_up) fail(RepairFailure::gone, missing(*stream, range));
    settle(*stream);
  }
  ask();
}

void Repair::note_unasked() noexcept { fail(RepairFailure::unasked, 1); }

void Repair::fail(RepairFailure reason, std::uint64_t events) noexcept {
  if (events > 0) metrics_.repair_failed[static_cast<std::size_t>(reason)].add(events);
}

// --- publishers ----------------------------------------------------------------------------------

AskedPublisher* Repair::publisher(const std::string& id) noexcept {
  const auto found = publishers_.find(id);
  return found == publishers_.end() ? nullptr : found->second.get();
}

// Nullptr where there is no room. Who is not taken, or was thrown out, is when it speaks again and there is.
AskedPublisher* Repair::add_publisher(const std::string& id) {
  if (publishers_.size() >= publishers_max && !make_room()) return nullptr;
  auto made = std::make_unique<AskedPublisher>();
  made->id = id;
  made->since = clock_.steady();
  AskedPublisher* const added = made.get();
  publishers_[id] = std::move(made);
  asker_.hello(id);
  return added;
}

// Those go that cannot be reached; else who has been there longest without any use. Never who has answered
// or whose events are heard: strangers throw out each other.
bool Repair::make_room() {
  const SteadyTime now = clock_.steady();
  if (now >= sweeps_again_) lose_the_gone(now);
  if (publishers_.size() < publishers_max) return true;
  const auto is_of_use = [](const AskedPublisher& publisher) {
    const auto& sources = publisher.sources;
    return publisher.answered != SteadyTime{} ||
           std::any_of(sources.begin(), sources.end(), [](const auto* s) { return s->heard; });
  };
  AskedPublisher* oldest = nullptr;
  for (const auto& [id, publisher] : publishers_) {
    if (is_of_use(*publisher)) continue;
    if (oldest == nullptr || publisher->since < oldest->since) oldest = publisher.get();
  }
  if (oldest != nullptr) lose(*oldest);
  return oldest != nullptr;
}

// Connections that are gone are not told of, so all are tried, which is not for each stranger that comes.
void Repair::lose_the_gone(SteadyTime now) {
  sweeps_again_ = now + sweep_pace;
  std::vector<AskedPublisher*> gone;
  for (const auto& [id, publisher] : publishers_)
    if (asker_.nothing(id) == Sent::gone) gone.push_back(publisher.get());
  for (AskedPublisher* publisher : gone) lose(*publisher);
}

void Repair::has_answered(AskedPublisher& publisher) noexcept {
  publisher.answered = clock_.steady();
  publisher.silences = 0;
  publisher.deaf = false;
}

// Its connection is gone. It comes again, as a rule, and then what waits is asked for.
void Repair::lose(AskedPublisher& publisher) {
  const SteadyTime until = clock_.steady() + rules_.wait;
  std::vector<RepairSource*> sources;
  std::swap(sources, publisher.sources);
  for (RepairSource* source : sources) {
    source->owner = nullptr;
    source->state = RepairSource::State::waiting;
    source->until = until;
  }
  std::vector<std::uint64_t> concerned(publisher.urgent.begin(), publisher.urgent.end());
  concerned.insert(concerned.end(), publisher.idle.begin(), publisher.idle.end());
  queued_ -= concerned.size();
  for (const Want& want : wants_.take_all(publisher)) concerned.push_back(want.stream);
  publishers_.erase(std::string(publisher.id));
  for (const std::uint64_t id : concerned) {
    RepairStream* const stream = streams_.find(id);
    if (stream == nullptr || !stream->care || stream->source->owner != nullptr) continue;
    give_up(*stream);
    stream->care->queued_urgent = stream->care->queued_idle = false;
    if (!stream->care->held.empty()) {
      stream->care->awaits_publisher = true;
      stream->asked_to = stream->numbers.newest();
    }
    settle(*stream);
  }
  for (RepairSource* source : sources) streams_.let_go_if_unused(*source);
  greet_the_refused();
}

// It did not answer. It is asked again when it has said once more what it has, after a while that
// grows from time to time.
void Repair::deafen(AskedPublisher& publisher, SteadyTime now) {
  publisher.deaf = true;
  publisher.greeted_again = false;
  publisher.silences = std::min(publisher.silences + 1, silences_counted);
  publisher.deaf_until = now + std::chrono::seconds(1U << (publisher.silences - 1));
  greets_again_ = std::min(greets_again_, publisher.deaf_until);
  std::uint64_t suppressed = 0;
  if (silent_log_.pass(suppressed, now))
    log::warning("a publisher did not answer when it was asked for events that got lost{}",
                 log::more(suppressed));
  std::vector<std::uint64_t> concerned;
  for (Want& want : wants_.all()) {
    if (want.publisher != &publisher || want.given_up) continue;
    wants_.give_up(want);
    concerned.push_back(want.stream);
  }
  for (const std::uint64_t id : concerned) {
    RepairStream* const stream = streams_.find(id);
    if (stream == nullptr || !stream->care || !stream->care->held.empty()) continue;
    give_up(*stream);
    settle(*stream);
  }
  greet_the_refused();
}

void Repair::greet_the_refused() {
  for (const auto& [id, publisher] : publishers_)
    if (std::exchange(publisher->refused, false)) asker_.hello(id);
}

void Repair::greet_the_deaf(SteadyTime now) {
  greets_again_ = SteadyTime::max();
  for (const auto& [id, publisher] : publishers_) {
    if (!publisher->deaf || publisher->greeted_again) continue;
    if (publisher->deaf_until > now) {
      greets_again_ = std::min(greets_again_, publisher->deaf_until);
      continue;
    }
    publisher->greeted_again = true;
    asker_.hello(id);
  }
}

void Repair::look_for_silence(SteadyTime now) {
  const auto patience = std::max<Duration>(rules_.wait, silence_patience);
  for (bool found = true; found;) {
    found = false;
    for (const Want& want : wants_.all()) {
      if (want.given_up || now - std::max(want.sent, want.publisher->answered) < patience) continue;
      deafen(*want.publisher, now);
      found = true;
      break;
    }
  }
}

void Repair::forget_publishers() {
  while (!publishers_.empty()) lose(*publishers_.begin()->second);
}

// --- time ----------------------------------------------------------------------------------------

void Repair::look() {
  const SteadyTime now = clock_.steady();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now)
    release_due(*streams_.find(deadlines_.begin()->second), now);
  look_at_late(now);
  look_for_silence(now);
  if (greets_again_ <= now) greet_the_deaf(now);
  if (asks_again_ <= now) asks_again_ = SteadyTime::max();
  ask();
}

SteadyTime Repair::next_time() const noexcept {
  SteadyTime next = std::min(asks_again_, greets_again_);
  if (!deadlines_.empty()) next = std::min(next, deadlines_.begin()->first);
  if (!late_.empty()) next = std::min(next, late_.front().first);
  const auto patience = std::max<Duration>(rules_.wait, silence_patience);
  for (const Want& want : wants_.all()) {
    if (want.given_up) continue;
    next = std::min(next, std::max(want.sent, want.publisher->answered) + patience);
  }
  return next;
}

void Repair::let_all_go() {
  while (!deadlines_.empty())
    release_all(*streams_.find(deadlines_.begin()->second), RepairFailure::no_room);
}

}  // namespace zws
