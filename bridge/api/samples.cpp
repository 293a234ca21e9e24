#include "api/samples.hpp"

#include <algorithm>
#include <limits>

#include "core/json_text.hpp"
#include "lane/memory_guard.hpp"

namespace zws {
namespace {

static_assert(sizeof(Sample) == 96, "the header says how much memory the samples take");

std::uint32_t small(std::uint64_t number) noexcept {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(number, std::numeric_limits<std::uint32_t>::max()));
}

template <class Counters>
std::uint64_t sum(const Counters& counters) {
  std::uint64_t total = 0;
  for (const Counter& counter : counters) total += counter.value();
  return total;
}

struct Column {
  const char* name;
  std::uint64_t (*of)(const Sample&);
};

constexpr auto dropped(DropReason reason) { return static_cast<std::size_t>(reason); }

const std::vector<Column>& columns() {
  static const std::vector<Column> all{
      {"time", [](const Sample& s) -> std::uint64_t { return s.time; }},
      {"events", [](const Sample& s) -> std::uint64_t { return s.events; }},
      {"rejected", [](const Sample& s) -> std::uint64_t { return s.rejected; }},
      {"missed", [](const Sample& s) -> std::uint64_t { return s.missed; }},
      {"deliveries", [](const Sample& s) -> std::uint64_t { return s.deliveries; }},
      {"delivered_bytes", [](const Sample& s) { return s.delivered_bytes; }},
      {"replaced", [](const Sample& s) -> std::uint64_t { return s.replaced; }},
      {"dropped_slow_consumer",
       [](const Sample& s) -> std::uint64_t {
         return s.dropped[dropped(DropReason::slow_consumer)];
       }},
      {"dropped_lane_overload",
       [](const Sample& s) -> std::uint64_t {
         return s.dropped[dropped(DropReason::lane_overload)];
       }},
      {"dropped_disconnected",
       [](const Sample& s) -> std::uint64_t {
         return s.dropped[dropped(DropReason::disconnected)];
       }},
      {"closed", [](const Sample& s) -> std::uint64_t { return s.closed; }},
      {"connections", [](const Sample& s) -> std::uint64_t { return s.connections; }},
      {"users", [](const Sample& s) -> std::uint64_t { return s.users; }},
      {"subscriptions", [](const Sample& s) -> std::uint64_t { return s.subscriptions; }},
      {"topics", [](const Sample& s) -> std::uint64_t { return s.topics; }},
      {"producers", [](const Sample& s) -> std::uint64_t { return s.producers; }},
      {"queue_bytes", [](const Sample& s) { return s.queue_bytes; }},
      {"history_bytes", [](const Sample& s) { return s.history_bytes; }},
      {"resident_bytes", [](const Sample& s) { return s.resident_bytes; }},
  };
  return all;
}

}  // namespace

SampleSource::SampleSource(const Metrics& metrics) : metrics_(metrics), last_(totals()) {}

SampleSource::Totals SampleSource::totals() const {
  Totals all;
  all.events = metrics_.ingest.received();
  all.rejected = sum(metrics_.ingest.rejected);
  all.missed = metrics_.ingest.gaps.value();
  for (const auto& lane : metrics_.lanes()) {
    all.deliveries += lane->deliveries.value();
    all.replaced += lane->replaced.value();
    for (std::size_t i = 0; i < all.dropped.size(); ++i) all.dropped[i] += lane->dropped[i].value();
    all.closed += sum(lane->closed);
    all.delivered_bytes += lane->delivered_bytes.value();
  }
  return all;
}

Sample SampleSource::next(WallTime now, std::size_t connections, std::size_t users) {
  const Totals all = totals();
  Sample sample;
  sample.time = static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
  sample.events = small(all.events - last_.events);
  sample.rejected = small(all.rejected - last_.rejected);
  sample.missed = small(all.missed - last_.missed);
  sample.deliveries = small(all.deliveries - last_.deliveries);
  sample.replaced = small(all.replaced - last_.replaced);
  for (std::size_t i = 0; i < all.dropped.size(); ++i)
    sample.dropped[i] = small(all.dropped[i] - last_.dropped[i]);
  sample.closed = small(all.closed - last_.closed);
  sample.delivered_bytes = all.delivered_bytes - last_.delivered_bytes;
  last_ = all;
  sample.connections = small(connections);
  sample.users = small(users);
  sample.producers = small(metrics_.ingest.producers.value());
  std::uint64_t subscriptions = 0;
  for (const auto& lane : metrics_.lanes()) {
    subscriptions += lane->subscriptions.value();
    sample.queue_bytes += lane->queue_bytes.value();
  }
  sample.topics = small(metrics_.topics());
  sample.history_bytes = metrics_.ingest.history_bytes.value();
  sample.subscriptions = small(subscriptions);
  sample.resident_bytes = resident_bytes();
  return sample;
}

void Samples::add(const Sample& sample) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (ring_.size() < seconds_max) {
    if (ring_.capacity() == 0) ring_.reserve(seconds_max);
    return ring_.push_back(sample);
  }
  ring_[next_] = sample;
  next_ = (next_ + 1) % seconds_max;
}

std::vector<Sample> Samples::after(std::uint32_t since) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<Sample> found;
  for (std::size_t i = 0; i < ring_.size(); ++i) {
    const Sample& sample = ring_[(next_ + i) % ring_.size()];
    if (sample.time > since) found.push_back(sample);
  }
  return found;
}

std::string sample_json(const Sample& sample) {
  JsonObject object;
  for (const Column& column : columns()) object.number(column.name, column.of(sample));
  return object.done();
}

std::string samples_json(const std::vector<Sample>& samples) {
  JsonObject object;
  for (const Column& column : columns()) {
    std::string list = "[";
    for (const Sample& sample : samples) {
      if (list.size() > 1) list += ',';
      list += std::to_string(column.of(sample));
    }
    object.json(column.name, list += ']');
  }
  return object.done();
}

}  // namespace zws
