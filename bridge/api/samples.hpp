// Samples: what the bridge did each second of the last hour, so that who looks after an incident sees it.
//
// Thread: take() from one thread about once a second; the others from any, by a mutex held for a copy.
// Memory: 3600 samples of 96 bytes, 345,600 bytes, taken as they come and never more.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "metrics/metrics.hpp"

namespace zws {

// What happened since the sample before, and how it stands.
struct Sample {
  std::uint32_t time = 0;  // Unix, when it was taken
  std::uint32_t events = 0;
  std::uint32_t rejected = 0;
  std::uint32_t missed = 0;  // jumps of seq: each counts once, however many events never came
  std::uint32_t deliveries = 0;
  std::uint32_t replaced = 0;
  std::array<std::uint32_t, static_cast<std::size_t>(DropReason::count_)> dropped{};
  std::uint32_t closed = 0;  // connections
  std::uint32_t connections = 0;
  std::uint32_t users = 0;
  std::uint32_t subscriptions = 0;
  std::uint32_t topics = 0;
  std::uint32_t producers = 0;
  std::uint64_t delivered_bytes = 0;
  std::uint64_t queue_bytes = 0;
  std::uint64_t history_bytes = 0;
  std::uint64_t resident_bytes = 0;
};

// Reads what the counters stand at; its differences make a sample.
class SampleSource {
 public:
  explicit SampleSource(const Metrics& metrics);

  // Since the last call, or since the source was made.
  Sample next(WallTime now, std::size_t connections, std::size_t users);

 private:
  // Counters since the start, in the order of the members of Sample.
  struct Totals {
    std::uint64_t events = 0;
    std::uint64_t rejected = 0;
    std::uint64_t missed = 0;
    std::uint64_t deliveries = 0;
    std::uint64_t replaced = 0;
    std::array<std::uint64_t, static_cast<std::size_t>(DropReason::count_)> dropped{};
    std::uint64_t closed = 0;
    std::uint64_t delivered_bytes = 0;
  };
  Totals totals() const;

  const Metrics& metrics_;
  Totals last_;
};

class Samples {
 public:
  static constexpr std::size_t seconds_max = 3600;

  void add(const Sample& sample);

  // The samples after `since`, the oldest first.
  std::vector<Sample> after(std::uint32_t since) const;

 private:
  mutable std::mutex mutex_;
  std::vector<Sample> ring_;
  std::size_t next_ = 0;  // where the oldest is, once the ring is full
};

// One as an object; many as an object of lists, as who draws them needs them.
std::string sample_json(const Sample& sample);
std::string samples_json(const std::vector<Sample>& samples);

}  // namespace zws
