#include "exchange/intake.hpp"

#include <random>

#include "core/position.hpp"
#include "core/topic.hpp"

namespace zws {
namespace {

// Names this life of the bridge among all others.
std::string make_own_source() {
  constexpr char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::random_device device;
  std::uniform_int_distribution<std::size_t> pick(0, sizeof alphabet - 2);
  std::string name = "b";
  for (int i = 0; i < 9; ++i) name += alphabet[pick(device)];
  return name;
}

std::int64_t unix_ns(WallTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

}  // namespace

Intake::Intake(ConfigPtr config, std::vector<BatchSink*> lanes, Ledger& ledger, Metrics& metrics,
               const Clock& clock)
    : routes_(std::make_unique<RouteTable>(*config)),
      sources_(make_own_source(), *config, *routes_, ledger),
      lanes_(std::move(lanes)),
      metrics_(metrics.ingest),
      clock_(clock) {}

void Intake::accept(const Arrival* arrivals, std::size_t count) noexcept try {
  const std::lock_guard<std::mutex> lock(mutex_);
  const SteadyTime received = clock_.steady();
  const std::int64_t now_ns = unix_ns(clock_.wall());
  auto batch = std::make_shared<Batch>();
  batch->events.reserve(count);
  for (std::size_t i = 0; i < count; ++i) add(arrivals[i], received, now_ns, *batch);
  post(batch);
} catch (const std::exception& error) {
  log::error("a batch of {} events was lost: {}", count, error.what());
}

void Intake::publish(const std::vector<Publication>& publications,
                     std::function<void(Published)> done) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const SteadyTime received = clock_.steady();
  const std::int64_t now_ns = unix_ns(clock_.wall());
  auto batch = std::make_shared<Batch>();
  Published published;
  for (const Publication& publication : publications) {
    Arrival arrival;
    arrival.topic = publication.topic;
    arrival.payload = publication.payload;
    add(arrival, received, now_ns, *batch);
    const Event& event = *batch->events.back();
    published.ids.push_back(Position{std::string(event.source()), event.seq()}.text());
  }
  batch->receipt = std::make_shared<Receipt>(
      lanes_.size(), [done = std::move(done), published](std::size_t recipients) mutable {
        published.recipients = recipients;
        done(std::move(published));
      });
  post(batch);
}

void Intake::add(const Arrival& arrival, SteadyTime received, std::int64_t now_ns, Batch& batch) {
  Event::Fields fields;
  fields.topic = arrival.topic;
  fields.topic_hash = topic_hash(arrival.topic);
  fields.received = received;
  if (arrival.topic != topic_stats) metrics_.taken.add();  // which is the bridge's own
  const Judgement judgement = sources_.judge(arrival, fields.topic_hash, received);
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
    batch.events.push_back(Renderer::gap(missing, "producer"));
    batch.frame_bytes += batch.events.back()->frame().size();
  }
  if (judgement.restart) {
    std::uint64_t suppressed = 0;
    if (restart_log_.pass(suppressed, received))
      log::info("source {} began again on topic \"{}\"; its history there is discarded{}",
                judgement.source, log::escaped(arrival.topic), log::more(suppressed));
  }
  fields.restart = judgement.restart;
  fields.seq = judgement.seq;
  batch.events.push_back(renderer_.render(arrival, fields, *judgement.route, now_ns));
  batch.frame_bytes += batch.events.back()->frame().size();
}

void Intake::note_gap(const Arrival& arrival, const Judgement& judgement) {
  metrics_.gaps.add();
  std::uint64_t suppressed = 0;
  if (gap_log_.pass(suppressed))
    log::warning("events {} to {} of source {} on topic \"{}\" never arrived{}",
                 judgement.missed_from, judgement.seq - 1, judgement.source,
                 log::escaped(arrival.topic), log::more(suppressed));
}

void Intake::note_duplicate(const Arrival& arrival) {
  metrics_.rejected[static_cast<std::size_t>(RejectReason::duplicate)].add();
  std::uint64_t suppressed = 0;
  if (duplicate_log_.pass(suppressed))
    log::warning(
        "dropped an event on topic \"{}\": event {} of source {} or a later one was here{}",
        log::escaped(arrival.topic, 48), arrival.seq, arrival.source, log::more(suppressed));
}

// Once a topic: where sources come and go without end it would be said with each event.
void Intake::note_forgotten(const Arrival& arrival, const Judgement& judgement) {
  metrics_.sources_forgotten.add();
  if (judgement.forgot_first)
    log::warning(
        "topic \"{}\" has more sources than limits.sources_per_topic: of those forgotten neither "
        "losses nor duplicates are seen",
        log::escaped(arrival.topic));
}

void Intake::post(const std::shared_ptr<Batch>& batch) {
  if (batch->events.empty() && !batch->receipt) return;
  for (BatchSink* lane : lanes_) lane->post(batch);
}

std::vector<KnownSource> Intake::sources(const std::vector<std::string>& topics) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<KnownSource> all;
  for (const std::string& topic : topics) sources_.list(topic, all);
  return all;
}

void Intake::reload(ConfigPtr config) {
  const std::lock_guard<std::mutex> lock(mutex_);
  auto routes = std::make_unique<RouteTable>(*config);
  sources_.reload(*config, *routes);
  routes_ = std::move(routes);
}

}  // namespace zws
