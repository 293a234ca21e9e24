#include "exchange/exchange.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <random>
#include <utility>

#include "core/topic.hpp"
#include "exchange/past.hpp"
#include "exchange/same_message.hpp"

namespace zws {
namespace {

// How long a lane may get events of a pattern that nobody on it wants any more. Then each topic is
// matched anew, once.
constexpr std::chrono::seconds patterns_sweep_interval{10};

constexpr std::chrono::microseconds tend_slice{300};

// Names this life of the bridge among all others.
std::string make_own_source() {
  constexpr char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::random_device device;
  std::uniform_int_distribution<std::size_t> pick(0, sizeof alphabet - 2);
  std::string name = "b";
  for (int i = 0; i < 9; ++i) name += alphabet[pick(device)];
  return name;
}

// How many of the last events of a source others heard just now.
std::size_t under_way(const PastSource& source, SteadyTime now) noexcept {
  const auto is_older = [&](const EventPtr& event) {
    return now - event->received() > SourceTable::under_way_max;
  };
  const auto older = std::find_if(source.events.rbegin(), source.events.rend(), is_older);
  return static_cast<std::size_t>(older - source.events.rbegin());
}

std::int64_t unix_ns(WallTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

}  // namespace

Exchange::Exchange(ConfigPtr config, Metrics& metrics, const Clock& clock)
    : own_source_(make_own_source()),
      routes_(std::make_unique<RouteTable>(*config)),
      sources_(own_source_, *config, *routes_, topics_, patterns_),
      history_(config, topics_, clock),
      metrics_(metrics.ingest),
      clock_(clock) {
  history_.set_own_source(own_source_);
  sources_.set_awaited_since(unix_ns(clock_.wall()));
}

void Exchange::keep_in(Archive* archive) noexcept {
  archive_ = archive;
  if (archive != nullptr) history_.heard_elsewhere();
}

void Exchange::accept(const Arrival* arrivals, std::size_t count) noexcept try {
  const std::lock_guard<std::mutex> lock(mutex_);
  const SteadyTime received = clock_.steady();
  const std::int64_t now_ns = unix_ns(clock_.wall());
  wanted_.clear();  // of a drain that failed
  auto batch = std::make_shared<Batch>();
  batch->events.reserve(count);
  std::size_t lost = 0;
  for (std::size_t i = 0; i < count; ++i) {
    try {
      add(arrivals[i], received, now_ns, *batch);
    } catch (const std::bad_alloc&) {
      ++lost;
    }
  }
  post(batch);
  std::uint64_t suppressed = 0;
  if (lost != 0 && lost_log_.pass(suppressed, received))
    log::error("there was no memory for an event, which is lost{}",
               log::more(suppressed + lost - 1));
} catch (const std::exception& error) {
  log::error("a batch of {} events was lost: {}", count, error.what());
}

std::vector<Position> Exchange::publish(const std::vector<Publication>& publications,
                                        std::function<void(Published)> done) {
  std::unique_lock<std::mutex> lock(mutex_);
  const SteadyTime received = clock_.steady();
  const std::int64_t now_ns = unix_ns(clock_.wall());
  wanted_.clear();  // of a drain that failed
  auto batch = std::make_shared<Batch>();
  Published published;
  std::vector<Position> positions;
  std::size_t reached = 0;
  try {
    for (const Publication& publication : publications) {
      Arrival arrival;
      arrival.topic = publication.topic;
      arrival.payload = publication.payload;
      arrival.sent_ns = publication.sent_ns;
      arrival.source = publication.for_fleet ? SourceTable::fleet : publication.source;
      arrival.seq = publication.seq;
      const std::size_t before = batch->events.size();
      add(arrival, received, now_ns, *batch);
      if (batch->events.size() == before || batch->events.back()->is_marker())
        continue;  // it was here
      const Event& event = *batch->events.back();
      positions.push_back({std::string(event.source()), event.seq()});
      published.ids.push_back(positions.back().text());
    }
    const LaneSet lanes = listening();
    for (std::size_t i = 0; i < lanes_.size(); ++i) reached += (lanes & lane_bit(i)) != 0 ? 1 : 0;
    if (reached != 0)
      batch->receipt = std::make_shared<Receipt>(
          reached, [done = std::move(done), published](std::size_t recipients) mutable {
            published.recipients = recipients;
            done(std::move(published));
          });
  } catch (const std::bad_alloc&) {
    post(batch);  // what came of it is kept, and told
    throw;
  }
  post(batch);
  lock.unlock();
  if (reached == 0) done(std::move(published));
  return positions;
}

// What there is no memory for is as lost as what never came: a gap tells of it, and the next is taken.
void Exchange::add(const Arrival& arrival, SteadyTime received, std::int64_t now_ns, Batch& batch) {
  Event::Fields fields;
  fields.topic = arrival.topic;
  fields.topic_hash = topic_hash(arrival.topic);
  fields.received = received;
  if (arrival.topic != topic_stats) metrics_.taken.add();  // which is the bridge's own
  Judgement judgement = sources_.judge(arrival, fields.topic_hash, received);
  try {
    take(arrival, fields, judgement, now_ns, batch);
  } catch (const std::bad_alloc&) {
    if (!judgement.duplicate) tell_lost(judgement, fields, batch);
    throw;
  }
}

void Exchange::take(const Arrival& arrival, Event::Fields fields, Judgement& judgement,
                    std::int64_t now_ns, Batch& batch) {
  const SteadyTime received = fields.received;
  const bool was_read = judgement.under_way && is_here(arrival, fields, judgement, now_ns);
  if (judgement.in_doubt && !was_read) {
    const LaneSet alive_lanes = judgement.alive_lanes;
    judgement = sources_.begin_again(arrival, fields.topic_hash, received);
    judgement.alive_lanes |= alive_lanes;
  }
  if (judgement.alive_lanes != 0) {
    Event::Fields its = fields;
    its.source = judgement.source;
    its.topic_id = judgement.topic_id;
    its.arrival = arrivals_;
    tell(Renderer::source(its, state_name(SourceState::alive), now_ns), judgement.alive_lanes,
         batch);
  }
  if (judgement.late_to != 0) tell_late(judgement, fields, batch);
  if (judgement.duplicate) return note_duplicate(arrival);
  if (judgement.forgot) note_forgotten(arrival, judgement);
  fields.arrival = ++arrivals_;
  fields.source = judgement.source;
  fields.topic_id = judgement.topic_id;
  if (judgement.missed_from != 0) {
    note_gap(arrival, judgement);
    Event::Fields missing = fields;
    missing.seq = judgement.missed_from;
    missing.last_seq = judgement.seq - 1;
    keep(Renderer::gap(missing, "producer"), judgement, batch);
    judgement.missed_from = 0;
    fields.arrival = ++arrivals_;
  }
  if (judgement.restart) {
    std::uint64_t suppressed = 0;
    if (restart_log_.pass(suppressed, received))
      log::info("source {} began again on topic \"{}\"; its history there is discarded{}",
                judgement.source, log::escaped(arrival.topic), log::more(suppressed));
  }
  fields.restart = judgement.restart;
  fields.seq = judgement.seq;
  keep(renderer_.render(arrival, fields, *judgement.route, now_ns), judgement, batch);
}

// Whether this very event has come from the archive, to which another bridge was quicker to give it.
bool Exchange::is_here(const Arrival& arrival, Event::Fields fields, const Judgement& judgement,
                       std::int64_t now_ns) {
  const Fetched there = history_.fetch(arrival.topic, arrival.source, arrival.seq, arrival.seq, 1,
                                       std::numeric_limits<std::size_t>::max());
  if (there.events.empty()) return false;
  const Event& known = *there.events.front();
  fields.source = arrival.source;
  fields.seq = arrival.seq;
  const EventPtr made = renderer_.render(arrival, fields, *judgement.route, now_ns);
  const std::string_view text = text_in_frame(made->frame());
  if (arrival.sent_ns != 0)
    return text_in_frame(known.frame()) == text;  // the producer's time, too
  return says_the_same(text_in_frame(known.frame()), text);
}

void Exchange::keep(EventPtr event, const Judgement& judgement, Batch& batch) {
  history_.record(event, *judgement.topic);
  tell(std::move(event), judgement.lanes, batch);
}

void Exchange::tell(EventPtr event, LaneSet lanes, Batch& batch) {
  wanted_.resize(batch.events.size());  // without that of an event there was no memory for
  wanted_.push_back(lanes);
  batch.add(std::move(event));
}

// The history has these events from an archive, and who came later was given them from there. But who has
// listened all along waits for them in vain (exchange/late_gap.hpp).
void Exchange::tell_late(const Judgement& judgement, Event::Fields fields, Batch& batch) {
  fields.restart = true;
  fields.arrival = judgement.late_since;
  fields.source = judgement.source;
  fields.topic_id = judgement.topic_id;
  fields.seq = judgement.seq;
  fields.last_seq = judgement.late_to;
  tell(Renderer::gap(fields, "producer"), judgement.lanes, batch);
}

void Exchange::tell_lost(const Judgement& judgement, Event::Fields fields, Batch& batch) {
  metrics_.gaps.add();
  fields.arrival = ++arrivals_;
  fields.source = judgement.source;
  fields.topic_id = judgement.topic_id;
  fields.seq = judgement.missed_from != 0 ? judgement.missed_from : judgement.seq;
  fields.last_seq = judgement.seq;
  keep(Renderer::gap(fields, "producer"), judgement, batch);
}

bool Exchange::fill(const Past& past) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::uint64_t hash = topic_hash(past.topic);
  std::vector<std::uint64_t> heard;
  for (const PastSource& each : past.sources)
    heard.push_back(std::max(sources_.newest(past.topic, hash, each.name),
                             history_.newest(past.topic, each.name)));
  if (!history_.fill(past, heard)) return false;
  const SteadyTime now = clock_.steady();
  ++arrivals_;  // so that who looked before stands before it
  for (std::size_t i = 0; i < heard.size(); ++i) {
    const PastSource& each = past.sources[i];
    if (heard[i] == 0)
      sources_.assume(past.topic, hash,
                      {each.name, each.newest, each.newest_ns, under_way(each, now), arrivals_},
                      now);
  }
  note_sizes();
  return true;
}

void Exchange::note_gap(const Arrival& arrival, const Judgement& judgement) {
  metrics_.gaps.add();
  std::uint64_t suppressed = 0;
  if (gap_log_.pass(suppressed))
    log::warning("events {} to {} of source {} on topic \"{}\" never arrived{}",
                 judgement.missed_from, judgement.seq - 1, judgement.source,
                 log::escaped(arrival.topic), log::more(suppressed));
}

void Exchange::note_duplicate(const Arrival& arrival) {
  metrics_.rejected[static_cast<std::size_t>(RejectReason::duplicate)].add();
  std::uint64_t suppressed = 0;
  if (duplicate_log_.pass(suppressed))
    log::warning(
        "dropped an event on topic \"{}\": event {} of source {} or a later one was here{}",
        log::escaped(arrival.topic, 48), arrival.seq, arrival.source, log::more(suppressed));
}

// Once a topic: where sources come and go without end it would be said with each event.
void Exchange::note_forgotten(const Arrival& arrival, const Judgement& judgement) {
  metrics_.sources_forgotten.add();
  std::uint64_t suppressed = 0;
  if (judgement.forgot_first && forgotten_log_.pass(suppressed))
    log::warning(
        "topic \"{}\" has more sources than limits.sources_per_topic: of those forgotten neither "
        "losses nor duplicates are seen{}",
        log::escaped(arrival.topic), log::more(suppressed));
}

void Exchange::post(const std::shared_ptr<Batch>& batch) {
  note_sizes();
  const LaneSet any = listening();
  LaneSet all = ~LaneSet{0};
  for (const LaneSet lanes : wanted_) all &= lanes;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const LaneSet lane = lane_bit(i);
    if ((any & lane) == 0) continue;
    lanes_[i]->post((all & lane) != 0 ? batch : part_for(lane, batch));
  }
  wanted_.clear();
  if (archive_ != nullptr) archive_->keep(batch);
}

std::vector<KnownSource> Exchange::sources(const std::vector<std::string>& topics) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<KnownSource> all;
  const SteadyTime now = clock_.steady();
  for (const std::string& topic : topics) sources_.list(topic, now, all);
  return all;
}

// What one lane listens to of a drain; all of it where there is no memory, since the lane looks again.
std::shared_ptr<Batch> Exchange::part_for(LaneSet lane,
                                          const std::shared_ptr<Batch>& batch) const noexcept try {
  auto part = std::make_shared<Batch>();
  for (std::size_t i = 0; i < batch->events.size(); ++i) {
    if ((wanted_[i] & lane) != 0) part->add(batch->events[i]);
  }
  part->receipt = batch->receipt;
  return part;
} catch (const std::bad_alloc&) {
  return batch;
}

// The lanes that get something of the drain at hand.
LaneSet Exchange::listening() const noexcept {
  LaneSet any = 0;
  for (const LaneSet lanes : wanted_) any |= lanes;
  return any;
}

void Exchange::note_sizes() noexcept {
  metrics_.history_bytes.set(history_.bytes());
  metrics_.topics.set(history_.topics() - history_.reserved_topics());
}

// --- what becomes of sources ---------------------------------------------------------------------

void Exchange::opened(std::uint64_t connection) noexcept try {
  const std::lock_guard<std::mutex> lock(mutex_);
  sources_.watch().opened(connection);
} catch (const std::exception& error) {
  log::error("a connection of a producer cannot be followed: {}", error.what());
}

void Exchange::ended(std::uint64_t connection) noexcept try {
  const std::lock_guard<std::mutex> lock(mutex_);
  sources_.watch().ended(connection);
  tend();
} catch (const std::exception& error) {
  log::error("that sources are lost could not be told: {}", error.what());
}

bool Exchange::tend_sources() noexcept try {
  const std::lock_guard<std::mutex> lock(mutex_);
  return tend();
} catch (const std::exception& error) {
  log::error("what became of sources could not be told: {}", error.what());
  return false;
}

// What there is to tell is told a tenth of a second apart: thousands of topics are lost at once with one
// producer, and who is to be told of them all takes that in only so fast.
bool Exchange::tend() {
  std::vector<SourceNews> news;
  const bool more = sources_.tend(clock_, clock_.steady() + tend_slice, news);
  if (news.empty()) return more;
  const std::int64_t now_ns = unix_ns(clock_.wall());
  wanted_.clear();  // of a drain that failed
  auto batch = std::make_shared<Batch>();
  for (const SourceNews& each : news) {
    Event::Fields fields;
    fields.topic = each.topic;
    fields.topic_hash = each.hash;
    fields.topic_id = each.topic_id;
    fields.source = each.src;
    fields.arrival = arrivals_;
    fields.received = clock_.steady();
    tell(Renderer::source(fields, state_name(each.state), now_ns), each.lanes, *batch);
  }
  post(batch);
  return false;
}

// --- what lanes ask ------------------------------------------------------------------------------

Interest& Exchange::interest(std::size_t lane) {
  while (interests_.size() <= lane) interests_.emplace_back(*this, interests_.size());
  return interests_[lane];
}

void Exchange::LaneInterest::begins(const Pattern& pattern) {
  if (pattern.is_literal()) {
    exchange_.history_.pin(pattern.text(), lane_);
  } else {
    exchange_.patterns_.add(pattern, lane_);
  }
}

void Exchange::LaneInterest::ends(const Pattern& pattern) noexcept {
  const std::lock_guard<std::mutex> lock(exchange_.mutex_);
  end_one(pattern);
}

void Exchange::LaneInterest::end(const std::vector<Pattern>& patterns) noexcept {
  const std::lock_guard<std::mutex> lock(exchange_.mutex_);
  for (const Pattern& each : patterns) end_one(each);
}

void Exchange::LaneInterest::end_one(const Pattern& pattern) noexcept try {
  if (!pattern.is_literal()) return exchange_.patterns_.remove(pattern, lane_);
  exchange_.history_.unpin(pattern.text(), lane_);
} catch (const std::exception& error) {
  log::error("a topic could not be let go: {}", error.what());
}

void Exchange::LaneInterest::watch_begins(const Pattern& pattern) {
  exchange_.sources_.watch().begins(pattern, lane_);
}

void Exchange::LaneInterest::watch_ends(const Pattern& pattern) noexcept try {
  const std::lock_guard<std::mutex> lock(exchange_.mutex_);
  exchange_.sources_.watch().ends(pattern, lane_);
} catch (const std::exception& error) {
  log::error("sources of a topic could not be let go: {}", error.what());
}

void Exchange::sweep() {
  const std::lock_guard<std::mutex> lock(mutex_);
  history_.sweep();
  const SteadyTime now = clock_.steady();
  if (now - patterns_swept_ >= patterns_sweep_interval) {
    patterns_.sweep();
    patterns_swept_ = now;
  }
  note_sizes();
}

void Exchange::reload(ConfigPtr config) {
  const std::lock_guard<std::mutex> lock(mutex_);
  // First, so that whatever fails those that the sources ask stay.
  const auto before = std::exchange(routes_, std::make_unique<RouteTable>(*config));
  sources_.reload(*config, *routes_);
  history_.reload(std::move(config));
  note_sizes();
}

}  // namespace zws
