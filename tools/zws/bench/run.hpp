// BenchRun: one bench from the first connect to the last event, in steps that the modes combine.
//
// Thread: one calls everything; the publisher's own thread lives between begin() and finish().
// Errors: Failure, as Target, Swarm and BenchPublisher say.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/load.hpp"
#include "bench/process.hpp"
#include "bench/progress.hpp"
#include "bench/publisher.hpp"
#include "bench/swarm.hpp"
#include "bench/target.hpp"
#include "bench/topics.hpp"
#include "bench/window.hpp"

namespace zws::tool {

struct ConnectResult {
  double seconds = 0;  // first connect to last `subscribed`
  std::uint32_t clients = 0;
  CpuUsage server;
  Histogram join_time;
};

struct RestResult {
  double seconds = 0;
  MemoryUsage before;  // connecting
  MemoryUsage after;   // resting
  CpuUsage server;     // while resting
};

struct TrafficResult {
  double seconds = 0;  // first event sent to last one received
  std::uint64_t events = 0;
  std::uint64_t deliveries = 0;
  std::uint64_t bytes = 0;
  std::uint64_t reads = 0;
  CpuUsage server;
  double generator_us = 0;
  std::int64_t publisher_late_ns = 0;
  bool stalled = false;  // events were on their way and nothing came for `patience`
  Histogram steady;      // latency by group
  Histogram disturbed;
};

class BenchRun {
 public:
  explicit BenchRun(const Load& load);

  // All clients; throws if even one cannot.
  ConnectResult connect();
  // Only looks for load.rest seconds.
  RestResult rest();

  // Traffic: begin(), turn() while it returns true, finish().
  void begin(const std::string& label, double seconds);
  bool turn();
  // Waits for what is still on its way.
  TrafficResult finish();
  TrafficResult traffic(const std::string& label, double seconds);
  // Seconds since begin().
  double elapsed() const noexcept;

  // What never came is missing from now on.
  void end() { swarm_.end(publisher_.sent_by_topic()); }

  Swarm& swarm() noexcept { return swarm_; }

 private:
  std::uint64_t delivered() noexcept;
  CpuUsage server_since(const CpuUsage& begin) const;

  const Load& load_;
  const std::int64_t origin_ns_;
  Target target_;
  BenchTopics topics_;
  Window window_;
  Swarm swarm_;
  BenchPublisher publisher_;
  Progress progress_;
  MemoryUsage memory_before_;

  std::string label_;
  double planned_seconds_ = 0;
  std::int64_t begin_ns_ = 0;
  std::int64_t last_ns_ = 0;  // when something last came
  std::uint64_t last_delivered_ = 0;
  std::uint64_t begin_delivered_ = 0;
  std::uint64_t begin_sent_ = 0;
  std::uint64_t begin_bytes_ = 0;
  std::uint64_t begin_reads_ = 0;
  double begin_own_us_ = 0;
  CpuUsage begin_cpu_;
  bool stalled_ = false;
};

}  // namespace zws::tool
