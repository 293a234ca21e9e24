#include "metrics/metrics.hpp"

#include <algorithm>
#include <cassert>

namespace zws {
namespace {

// The last place stands for all that are not listed.
template <std::size_t size>
std::size_t place_of(std::uint16_t number, const std::array<std::uint16_t, size>& listed) noexcept {
  std::size_t place = 0;
  while (place + 1 < size && listed[place] != number) ++place;
  return place;
}

}  // namespace

Metrics::Metrics(std::size_t lanes) {
  for (std::size_t i = 0; i < lanes; ++i) lanes_.push_back(std::make_unique<LaneMetrics>());
}

std::uint64_t IngestMetrics::received() const noexcept {
  std::uint64_t all = taken.value();
  for (std::size_t i = 0; i < rejected.size(); ++i) {
    if (i != static_cast<std::size_t>(RejectReason::duplicate)) all += rejected[i].value();
  }
  return all;
}

void LatencyHistogram::observe(std::int64_t nanoseconds, std::uint64_t times) noexcept {
  std::int64_t bound = 16'000;
  std::size_t i = 0;
  while (i + 1 < buckets && nanoseconds > bound) {
    bound <<= 1;
    ++i;
  }
  counts[i].add(times);
  sum_ns.add(static_cast<std::uint64_t>(nanoseconds < 0 ? 0 : nanoseconds) * times);
}

void LaneMetrics::count_closed(std::uint16_t code) noexcept {
  assert(is_mine());
  closed[place_of(code, counted_close_codes)].add();
}

void LaneMetrics::count_refusal(ErrorCode code) noexcept {
  assert(is_mine());
  refusals[static_cast<std::size_t>(code)].add();
}

void LaneMetrics::count_http_response(std::uint16_t status) noexcept {
  assert(is_mine());
  http_responses[place_of(status, counted_http_statuses)].add();
}

std::uint64_t Metrics::topics() const noexcept {
  std::uint64_t topics = ingest.topics.value();
  std::uint64_t patterns = 0;
  for (const auto& lane : lanes_) {
    topics = std::max(topics, lane->topics.value());
    patterns = std::max(patterns, lane->patterns.value());
  }
  return topics + patterns;
}

}  // namespace zws
