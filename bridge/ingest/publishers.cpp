#include "ingest/publishers.hpp"

#include <algorithm>

namespace zws {
namespace {

constexpr std::size_t publishers_max = 1000;
constexpr std::size_t sources_max = 64;  // of a publisher
constexpr std::uint64_t hole_max = Wants::of_publisher_max * Wants::events_max;

// What a publisher says may be ahead of what it has published.
constexpr std::chrono::milliseconds late_patience{100};
constexpr std::chrono::milliseconds silence_patience{1'000};
// However slowly the answer to a question comes: others wait for its place.
constexpr std::chrono::minutes want_patience{1};
constexpr std::chrono::milliseconds full_patience{20};
constexpr std::chrono::seconds sweep_pace{1};      // of all publishers, where there is no room
constexpr std::chrono::milliseconds try_pace{20};  // whether the owner of a source is there
constexpr std::chrono::seconds source_patience{
    10};                                  // that was not spoken of, where there is no room
constexpr unsigned silences_counted = 7;  // a minute, by then

// What has been delivered past is to be asked for no more.
void drop_passed(RepairStream& stream) noexcept {
  auto& ranges = stream.to_ask->ranges;
  const auto left = std::find_if(ranges.begin(), ranges.end(), [&](SeqRange range) {
    return range.to > stream.numbers.newest();
  });
  ranges.erase(ranges.begin(), left);
}

// Where nothing waits one range will do: from where this says on.
std::uint64_t taken_together(RepairStream& stream, std::uint64_t from) noexcept {
  auto& ranges = stream.to_ask->ranges;
  if (stream.held || ranges.empty()) return from;
  from = std::min(from, std::max(ranges.front().from, stream.numbers.newest() + 1));
  ranges.clear();
  return from;
}

}  // namespace

Publishers::Publishers(Asker& asker, Streams& streams, Waiting& waiting, IngestMetrics& metrics,
                       const Clock& clock)
    : asker_(asker), streams_(streams), waiting_(waiting), metrics_(metrics), clock_(clock) {}

Publishers::~Publishers() = default;

// --- what is asked for ---------------------------------------------------------------------------

bool Publishers::may_help(RepairSource& source) noexcept {
  using State = RepairSource::State;
  const SteadyTime now = clock_.steady();
  if (source.state == State::unheard && !source.forgot) {
    source.state = State::waiting;
    source.until = now + wait_;
  }
  if (source.state == State::waiting && now >= source.until) source.state = State::mute;
  const bool can_be_asked = source.state == State::asked && !source.owner->deaf;
  return can_be_asked || source.state == State::waiting;
}

void Publishers::plan(RepairStream& stream, SeqRange range) {
  if (stream.source->owner == nullptr) return;
  if (stream.held && stream.to_ask) queue(stream);  // what was left for later is waited for now
  range.from = std::max({range.from, stream.numbers.newest() + 1, stream.asked_to + 1});
  if (range.from > range.to) return;
  stream.asked_to = range.to;
  if (stream.to_ask) {  // for a while it may have been nobody's turn
    drop_passed(stream);
    range.from = taken_together(stream, range.from);
  }
  const auto leave_out = [&](std::uint64_t from, RepairFailure why) {
    if (from <= range.from) return;
    count_failed(metrics_, why, from - range.from);
    range.from = from;
  };
  leave_out(std::min(stream.kept_from, range.to + 1), RepairFailure::gone);
  if (range.from > range.to) return;
  if (range.to >= hole_max) leave_out(range.to - hole_max + 1, RepairFailure::no_room);
  if (!stream.to_ask) stream.to_ask = std::make_unique<ToAsk>();
  stream.to_ask->ranges.push_back(range);
  queue(stream);
}

void Publishers::queue(RepairStream& stream) {
  AskedPublisher& publisher = *stream.source->owner;
  const bool urgent = stream.held != nullptr;
  bool& queued = urgent ? stream.to_ask->queued_urgent : stream.to_ask->queued_idle;
  if (queued) return;
  (urgent ? publisher.urgent : publisher.idle).push_back(stream.id);
  queued = true;
  ++queued_;
}

bool Publishers::may_send(const RepairStream& stream, SeqRange range) const noexcept {
  if (wants_.ask_for(stream.id, range)) return true;
  if (!stream.to_ask) return false;
  const auto& ranges = stream.to_ask->ranges;
  const auto planned =
      std::lower_bound(ranges.begin(), ranges.end(), range.from,
                       [](SeqRange each, std::uint64_t from) { return each.to < from; });
  return planned != ranges.end() && planned->from <= range.to;
}

// In turn, first where events wait.
void Publishers::ask() {
  const SteadyTime now = clock_.steady();
  for (const bool urgent : {true, false}) {
    bool progress = true;
    while (queued_ > 0 && progress) {
      progress = false;
      for (const auto& [id, publisher] : publishers_)
        if (can_take(*publisher, urgent, now) && ask_one(*publisher, urgent)) progress = true;
    }
  }
  lose_the_gone();
}

// Of the deaf, what is queued is given up.
bool Publishers::can_take(const AskedPublisher& publisher, bool urgent,
                          SteadyTime now) const noexcept {
  if (publisher.gone) return false;
  return publisher.deaf || (publisher.full_until <= now && wants_.room_for(publisher, urgent));
}

// False if nothing more can be asked of it now. Of whom there is nothing to ask any more, that takes no turn:
// a turn goes round all publishers.
bool Publishers::ask_one(AskedPublisher& publisher, bool urgent) {
  auto& ids = urgent ? publisher.urgent : publisher.idle;
  bool asked = false;
  while (!asked && !ids.empty()) {
    RepairStream* const stream = streams_.find(ids.front());
    const bool is_its = stream != nullptr && stream->to_ask && stream->source->owner == &publisher;
    if (is_its) {
      if (publisher.deaf) give_up(*stream);
      drop_passed(*stream);
      auto& ranges = stream->to_ask->ranges;
      asked = !ranges.empty();
      if (asked && !send_want(publisher, *stream)) return false;
      if (!ranges.empty()) return true;
    }
    ids.pop_front();
    --queued_;
    if (is_its) note_unqueued(publisher, *stream, urgent);
  }
  return asked;
}

void Publishers::note_unqueued(const AskedPublisher& publisher, RepairStream& stream,
                               bool urgent) noexcept {
  ToAsk& to_ask = *stream.to_ask;
  (urgent ? to_ask.queued_urgent : to_ask.queued_idle) = false;
  if (!to_ask.queued_urgent && !to_ask.queued_idle) stream.to_ask.reset();
  if (publisher.deaf) waiting_.note_given_up(stream);
}

// Asks for as much as one want may be for. False if the publisher does not take it.
bool Publishers::send_want(AskedPublisher& publisher, RepairStream& stream) {
  auto& ranges = stream.to_ask->ranges;
  SeqRange range = ranges.front();
  range.from = std::max(range.from, stream.numbers.newest() + 1);
  range.to = std::min(range.to, range.from + Wants::events_max - 1);
  const Sent sent = asker_.want(publisher.id, stream.source->name, stream.topic, range);
  if (sent == Sent::full) asks_again_ = publisher.full_until = clock_.steady() + full_patience;
  if (sent == Sent::gone) note_gone(publisher);
  if (sent != Sent::sent) return false;
  wants_.add(
      {&publisher, stream.id, stream.topic, stream.source->name, range, clock_.steady(), false});
  ranges.front().from = range.to + 1;
  if (ranges.front().from > ranges.front().to) ranges.erase(ranges.begin());
  return true;
}

// Nothing of it is to be asked for any more; when its publisher speaks of it again, it is.
void Publishers::give_up(RepairStream& stream) noexcept {
  if (stream.to_ask) stream.to_ask->ranges.clear();
  open_end(stream);
}

// What is behind all that waits may be asked for again. What is before goes on without.
void Publishers::open_end(RepairStream& stream) noexcept {
  const std::uint64_t end =
      stream.held ? stream.held->events.rbegin()->first : stream.numbers.newest();
  stream.asked_to = std::min(stream.asked_to, end);
}

void Publishers::give_up(Want& want) noexcept {
  wants_.give_up(want);
  RepairStream* const stream = streams_.find(want.stream);
  if (stream == nullptr) return;
  if (stream->held)
    open_end(*stream);
  else
    give_up(*stream);
}

// Answers to what was asked for before would be of other events.
void Publishers::begin_again(RepairStream& stream) noexcept {
  wants_.drop_all(stream.id);
  stream.kept_from = stream.said_to = 0;
  stream.asked_to = stream.numbers.newest();
  if (stream.to_ask) stream.to_ask->ranges.clear();
}

void Publishers::forget(RepairStream& stream) noexcept {
  wants_.drop_all(stream.id);
  stream.to_ask.reset();
}

// Where what it was asked for begins, answered or not. What is before has come, or was told gone.
std::uint64_t Publishers::asked_from(const RepairStream& stream) const noexcept {
  std::uint64_t from = stream.asked_to + 1;
  if (stream.to_ask && !stream.to_ask->ranges.empty())
    from = std::min(from, stream.to_ask->ranges.front().from);
  for (const Want& want : wants_.all())
    if (want.stream == stream.id) from = std::min(from, want.range.from);
  return from;
}

// All of it, from there on, is asked for when its publisher, or the next, has spoken of it.
void Publishers::ask_again(RepairStream& stream, std::uint64_t from) noexcept {
  stream.to_ask.reset();
  stream.asked_to = std::max(stream.numbers.newest(), from - 1);
  waiting_.note_lost(stream);
}

// --- what publishers say -------------------------------------------------------------------------

void Publishers::greet(const std::string& id) {
  if (AskedPublisher* const known = publisher(id)) lose(*known);
  if (add_publisher(id) == nullptr) note_unasked();
}

void Publishers::note_kept(const std::string& id, std::string_view source,
                           const std::vector<KeptRange>& kept) {
  AskedPublisher* const known = publisher(id);
  AskedPublisher* const taken = known != nullptr ? known : add_publisher(id);
  if (taken == nullptr) return note_unasked();
  AskedPublisher& speaker = *taken;
  if (speaker.deaf && clock_.steady() < speaker.deaf_until) return;
  if (std::exchange(speaker.deaf, false) && !speaker.greeted_again) asker_.hello(id);
  const bool is_new = streams_.source(source).owner != &speaker;
  RepairSource* const said = own(speaker, source);
  if (said == nullptr) return;
  for (const KeptRange& range : kept) {
    RepairStream* stream = streams_.find(range.topic, source);
    if (stream == nullptr && !streams_.full()) stream = &streams_.add(range.topic, *said);
    if (stream != nullptr)
      note_kept(*stream, range);
    else if (!said->forgot)  // else it may have been heard
      count_failed(metrics_, RepairFailure::no_room, range.newest + 1 - range.first);
  }
  if (is_new) waiting_.note_asked(*said);
  ask();
}

void Publishers::note_kept(RepairStream& stream, const KeptRange& kept) {
  stream.kept_from = kept.first;
  stream.said_to = kept.newest;
  waiting_.note_kept(stream);
  if (stream.late || kept.newest <= std::max(stream.numbers.newest(), stream.asked_to)) return;
  late_.emplace_back(clock_.steady() + late_patience, stream.id);
  stream.late = true;
}

// The end of a burst, or all of it: has it come by now?
void Publishers::look_at_late(SteadyTime now) {
  while (!late_.empty() && late_.front().first <= now) {
    RepairStream* const stream = streams_.find(late_.front().second);
    late_.pop_front();
    if (stream == nullptr || !std::exchange(stream->late, false)) continue;
    const AskedPublisher* const owner = stream->source->owner;
    if (owner == nullptr || owner->deaf) continue;  // it will say so again
    if (!stream->begun) waiting_.note_unheard(*stream);
    plan(*stream, {stream->numbers.newest() + 1, stream->said_to});
  }
}

// The source, if it is this publisher's: it belongs to the connection that spoke of it first, until
// that is gone or does not answer.
RepairSource* Publishers::own(AskedPublisher& publisher, std::string_view name) {
  RepairSource* source = &streams_.source(name);
  if (source->owner != nullptr && source->owner != &publisher) {
    if (answers(*source->owner)) {
      publisher.refused = true;
      note_unasked();
      return nullptr;
    }
    lose(*source->owner);
    source = &streams_.source(name);  // which may have gone with its owner
  }
  source->said = clock_.steady();
  if (source->owner == &publisher) return source;
  if (publisher.sources.size() >= sources_max && !let_go_of_a_source(publisher)) {
    note_unasked();
    streams_.let_go_if_unused(*source);
    return nullptr;
  }
  publisher.sources.push_back(source);
  source->owner = &publisher;
  source->spoke = true;
  source->state = RepairSource::State::asked;
  return source;
}

// Whether it is there is tried now and then only: who speaks for others does not fill their queues.
bool Publishers::answers(AskedPublisher& owner) {
  if (owner.deaf || owner.gone) return false;
  const SteadyTime now = clock_.steady();
  if (now - owner.tried < try_pace) return true;
  owner.tried = now;
  return asker_.nothing(owner.id) != Sent::gone;
}

// Of that which was not spoken of for longest, as of one that has ended: some count anew again and again.
// False where that is not long ago.
bool Publishers::let_go_of_a_source(AskedPublisher& publisher) {
  const auto longest =
      std::min_element(publisher.sources.begin(), publisher.sources.end(),
                       [](const auto* a, const auto* b) { return a->said < b->said; });
  RepairSource& source = **longest;
  if (clock_.steady() - source.said < source_patience) return false;
  for (const auto* const ids : {&publisher.urgent, &publisher.idle})
    for (const std::uint64_t id : *ids) {
      RepairStream* const stream = streams_.find(id);
      if (stream == nullptr || stream->source != &source) continue;
      give_up(*stream);
      stream->to_ask.reset();
      waiting_.note_given_up(*stream);
    }
  publisher.sources.erase(longest);
  source.owner = nullptr;
  source.state = RepairSource::State::mute;
  streams_.let_go_if_unused(source);
  return true;
}

void Publishers::take_answer(const std::string& id, const Arrival& arrival) {
  AskedPublisher* const known = publisher(id);
  RepairStream* const stream = streams_.find(arrival.topic, arrival.source);
  Want* const want = known == nullptr || stream == nullptr
                         ? nullptr
                         : wants_.find(*known, stream->id, arrival.seq);
  if (want == nullptr) return note_unasked();
  if (arrival.seq > want->answered_to) {  // what comes again and again is no answer
    want->answered_to = arrival.seq;
    note_answered(*known);
  }
  if (arrival.seq > stream->numbers.newest()) return waiting_.take_answer(*stream, arrival);
  if (want->given_up) note_unasked();  // too late
}

void Publishers::take_end(const std::string& id, std::string_view source, std::string_view topic,
                          SeqRange range) {
  AskedPublisher* const known = publisher(id);
  Want want;
  if (known == nullptr || !wants_.take(*known, source, topic, range, want)) return note_unasked();
  note_answered(*known);
  RepairStream* const stream = streams_.find(topic, source);
  if (stream != nullptr && !want.given_up) waiting_.note_end(*stream, range);
  ask();
}

void Publishers::note_answered(AskedPublisher& publisher) noexcept {
  publisher.answered = clock_.steady();
  publisher.silences = 0;
  // It is late. What was given up meanwhile is asked for when it says once more what it has.
  if (std::exchange(publisher.deaf, false)) asker_.hello(publisher.id);
}

void Publishers::note_unasked() noexcept { count_failed(metrics_, RepairFailure::unasked, 1); }

// --- who comes, and who goes ---------------------------------------------------------------------

AskedPublisher* Publishers::publisher(const std::string& id) noexcept {
  const auto found = publishers_.find(id);
  return found == publishers_.end() ? nullptr : found->second.get();
}

// Nullptr where there is no room. Who is not taken, or was thrown out, is when it speaks again and there is.
AskedPublisher* Publishers::add_publisher(const std::string& id) {
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
bool Publishers::make_room() {
  const SteadyTime now = clock_.steady();
  if (now >= sweeps_again_) look_who_is_gone(now);
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

// The end of a connection is not told, so all are tried, which is not for each stranger that comes.
void Publishers::look_who_is_gone(SteadyTime now) {
  sweeps_again_ = now + sweep_pace;
  for (const auto& [id, publisher] : publishers_)
    if (asker_.nothing(id) == Sent::gone) note_gone(*publisher);
  lose_the_gone();
}

void Publishers::note_all_gone() noexcept {
  for (const auto& [id, publisher] : publishers_) note_gone(*publisher);
  asks_again_ = clock_.steady();
}

void Publishers::note_gone(AskedPublisher& publisher) noexcept {
  publisher.gone = true;
  some_are_gone_ = true;
}

void Publishers::lose_the_gone() {
  while (some_are_gone_) {
    const auto gone = std::find_if(publishers_.begin(), publishers_.end(),
                                   [](const auto& each) { return each.second->gone; });
    some_are_gone_ = gone != publishers_.end();
    if (some_are_gone_) lose(*gone->second);
  }
}

// Its sources wait for it to come again, and it is asked for what events wait for then. If it throws,
// nothing has changed.
void Publishers::lose(AskedPublisher& publisher) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> concerned;  // id; from where on
  const auto concern = [&](std::uint64_t id) {
    const RepairStream* const stream = streams_.find(id);
    if (stream != nullptr) concerned.emplace_back(id, asked_from(*stream));
  };
  for (const auto* const ids : {&publisher.urgent, &publisher.idle})
    for (const std::uint64_t id : *ids) concern(id);
  for (const Want& want : wants_.all())
    if (want.publisher == &publisher && !want.given_up) concern(want.stream);
  queued_ -= publisher.urgent.size() + publisher.idle.size();
  wants_.drop_all(publisher);
  const std::vector<RepairSource*> sources = std::move(publisher.sources);
  publishers_.erase(publishers_.find(publisher.id));
  const SteadyTime until = clock_.steady() + wait_;
  for (RepairSource* const source : sources) {
    source->owner = nullptr;
    source->state = RepairSource::State::waiting;
    source->until = until;
  }
  for (const auto& [id, from] : concerned) {
    RepairStream* const stream = streams_.find(id);
    if (stream != nullptr && stream->source->owner == nullptr) ask_again(*stream, from);
  }
  for (RepairSource* const source : sources) streams_.let_go_if_unused(*source);
  greet_the_refused();
}

void Publishers::greet_the_refused() noexcept {
  for (const auto& [id, publisher] : publishers_)
    if (publisher->refused) greet_again(*publisher);
}

// By which what it was asked for is off.
void Publishers::greet_again(AskedPublisher& publisher) noexcept {
  publisher.refused = asker_.hello(publisher.id) == Sent::full;
  if (publisher.refused) return;
  for (Want& want : wants_.all()) {
    if (want.publisher != &publisher || want.given_up) continue;
    wants_.give_up(want);
    if (RepairStream* const stream = streams_.find(want.stream))
      ask_again(*stream, asked_from(*stream));
  }
}

// --- who does not answer -------------------------------------------------------------------------

// Since when nothing has come from whom it was sent to.
SteadyTime Publishers::silent_since(const Want& want) noexcept {
  return std::max(want.sent, want.publisher->answered);
}

void Publishers::look_for_silence(SteadyTime now) {
  const auto patience = std::max<Duration>(wait_, silence_patience);
  for (Want& want : wants_.all()) {
    if (!want.given_up && now - silent_since(want) >= patience) deafen(*want.publisher, now);
    if (!want.given_up && now - want.sent >= want_patience) give_up(want);
  }
}

void Publishers::note_overdue(const RepairStream& stream, SeqRange range) {
  const SteadyTime now = clock_.steady();
  for (const Want& want : wants_.all()) {
    const bool asked = !want.given_up && want.stream == stream.id && want.range.from <= range.to;
    if (!asked || want.publisher->deaf || now - silent_since(want) < wait_) continue;
    return deafen(*want.publisher, now);
  }
}

// It is asked again when it has said once more what it has, after a while that grows from time to time.
void Publishers::deafen(AskedPublisher& publisher, SteadyTime now) {
  publisher.deaf = true;
  publisher.greeted_again = false;
  publisher.silences = std::min(publisher.silences + 1, silences_counted);
  publisher.deaf_until = now + std::chrono::seconds(1U << (publisher.silences - 1));
  greets_again_ = std::min(greets_again_, publisher.deaf_until);
  for (Want& want : wants_.all())
    if (want.publisher == &publisher && !want.given_up) give_up(want);
  greet_the_refused();
  std::uint64_t suppressed = 0;
  if (silent_log_.pass(suppressed, now))
    log::warning("a publisher did not answer when it was asked for events that got lost{}",
                 log::more(suppressed));
}

void Publishers::greet_the_deaf(SteadyTime now) noexcept {
  greets_again_ = SteadyTime::max();
  for (const auto& [id, publisher] : publishers_) {
    if (!publisher->deaf || publisher->greeted_again) continue;
    if (publisher->deaf_until > now) {
      greets_again_ = std::min(greets_again_, publisher->deaf_until);
      continue;
    }
    publisher->greeted_again = asker_.hello(id) != Sent::full;
    if (!publisher->greeted_again) greets_again_ = std::min(greets_again_, now + full_patience);
  }
}

// --- time ----------------------------------------------------------------------------------------

void Publishers::look() {
  const SteadyTime now = clock_.steady();
  look_at_late(now);
  look_for_silence(now);
  if (greets_again_ <= now) greet_the_deaf(now);
  if (asks_again_ <= now) asks_again_ = SteadyTime::max();
  ask();
}

SteadyTime Publishers::next_time() const noexcept {
  SteadyTime next = std::min(asks_again_, greets_again_);
  if (!late_.empty()) next = std::min(next, late_.front().first);
  const auto patience = std::max<Duration>(wait_, silence_patience);
  for (const Want& want : wants_.all())
    if (!want.given_up) next = std::min(next, silent_since(want) + patience);
  return next;
}

}  // namespace zws
