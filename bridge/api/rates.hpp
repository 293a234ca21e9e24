// Rates: how many events and deliveries a second, over the last ten seconds.
//
// Thread: sample() from one thread about once a second; the others from any.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>

#include "core/clock.hpp"
#include "metrics/metrics.hpp"

namespace zws {

class Rates {
 public:
  explicit Rates(const Metrics& metrics, const Clock& clock = Clock::real())
      : metrics_(metrics), clock_(clock) {
    samples_.fill(now());
  }

  void sample() {
    const std::lock_guard<std::mutex> lock(mutex_);
    samples_[next_] = now();
    next_ = (next_ + 1) % samples_.size();
  }

  struct Values {
    double events_per_second = 0;
    double deliveries_per_second = 0;
  };
  Values values() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    const Sample& oldest = samples_[next_];
    const Sample newest = now();
    const double seconds = std::chrono::duration<double>(newest.time - oldest.time).count();
    if (seconds < 0.1) return {};
    return {static_cast<double>(newest.events - oldest.events) / seconds,
            static_cast<double>(newest.deliveries - oldest.deliveries) / seconds};
  }

 private:
  struct Sample {
    SteadyTime time;
    std::uint64_t events = 0;
    std::uint64_t deliveries = 0;
  };

  Sample now() const {
    Sample sample{clock_.steady(), metrics_.ingest.received(), 0};
    for (const auto& lane : metrics_.lanes()) sample.deliveries += lane->deliveries.value();
    return sample;
  }

  const Metrics& metrics_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::array<Sample, 10> samples_;
  std::size_t next_ = 0;
};

}  // namespace zws
