// BenchReport: what a bench found, as one JSON object and as lines for a person.
//
// Thread: one. A server without --pid has no figures of CPU and memory.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "bench/load.hpp"
#include "bench/run.hpp"

namespace zws::tool {

class BenchReport {
 public:
  BenchReport(const std::string& mode, const Load& load);

  void add(const ConnectResult& result);
  void add(const RestResult& result);
  // name: of the section, "traffic" for the main one.
  void add(const std::string& name, const TrafficResult& result);
  // Those who came back within `seconds`.
  void add_return(double seconds, Swarm& swarm);
  // Of live events at one stage.
  void add_latency(const std::string& name, const Histogram& latency);
  // Last: whether all came that should have.
  void add(Swarm& swarm, bool stalled);

  // To stdout. Returns how `zws` should end: failed when an event was lost untold, doubled or out
  // of order or a client was closed, timed_out when the server fell silent.
  Exit print() const;

 private:
  void print_lines() const;

  const Load& load_;
  nlohmann::ordered_json json_;
};

}  // namespace zws::tool
