// Reconnect: what it costs the others when all clients of a bridge come back at once.
//
// Witnesses stay. The rest follows live events, hangs up, and comes back evenly within some seconds
// for what it missed. The latency of live events is kept apart for each stage; replayed events, old
// by nature, are only counted and checked.
// Thread: one.
#pragma once

#include <string>

#include "bench/load.hpp"
#include "bench/report.hpp"
#include "bench/run.hpp"

namespace zws::tool {

class Reconnect {
 public:
  // load.clients are those who leave; witnesses are added to them.
  explicit Reconnect(const Load& load);

  Exit run();

 private:
  void stay(double until);
  double come_back(double from);
  void close_stage(const std::string& name);

  const Load load_;
  BenchRun run_;
  BenchReport report_;
};

}  // namespace zws::tool
