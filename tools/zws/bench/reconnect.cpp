#include "bench/reconnect.hpp"

#include <algorithm>

namespace zws::tool {
namespace {

Load with_witnesses(Load load) {
  load.clients += load.witnesses;
  return load;
}

}  // namespace

Reconnect::Reconnect(const Load& load)
    : load_(with_witnesses(load)), run_(load_), report_("reconnect", load_) {}

Exit Reconnect::run() {
  Swarm& swarm = run_.swarm();
  swarm.remember_positions();
  for (std::uint32_t c = load_.witnesses; c < load_.clients; ++c) {
    swarm.set_group(c, Group::disturbed);
  }
  report_.add(run_.connect());
  swarm.join_time() = {};

  const double leave = load_.seconds;
  const double back = leave + load_.away;
  run_.begin("following", back + load_.within + load_.seconds);
  stay(leave);
  close_stage("before");
  for (std::uint32_t c = load_.witnesses; c < load_.clients; ++c) swarm.drop(c);
  stay(back);
  close_stage("away");
  const double seconds = come_back(back);
  report_.add_latency("returning_witnesses", swarm.tally(Group::steady).latency);
  close_stage("returning");
  const bool all_back = swarm.counts().live == load_.clients;
  while (run_.turn()) {
  }
  const TrafficResult result = run_.finish();
  close_stage("after");
  report_.add_return(seconds, swarm);
  report_.add("traffic", result);
  run_.end();
  report_.add(swarm, result.stalled || !all_back);
  return report_.print();
}

// Receives until `until` seconds after the beginning.
void Reconnect::stay(double until) {
  while (run_.elapsed() < until && run_.turn()) {
  }
}

// Returns the seconds from `from` until the last client was subscribed again, or until the events
// ended and some never were.
double Reconnect::come_back(double from) {
  const SwarmCounts& counts = run_.swarm().counts();
  const double between = load_.within / (load_.clients - load_.witnesses);
  std::uint32_t next = load_.witnesses;
  while (counts.live + counts.failed < load_.clients) {
    const double passed = run_.elapsed() - from;
    while (next < load_.clients && (next - load_.witnesses) * between <= passed) {
      run_.swarm().open(next++);
    }
    if (!run_.turn()) break;
  }
  return run_.elapsed() - from;
}

void Reconnect::close_stage(const std::string& name) {
  Histogram& steady = run_.swarm().tally(Group::steady).latency;
  Histogram& disturbed = run_.swarm().tally(Group::disturbed).latency;
  Histogram all = steady;
  all.add(disturbed);
  report_.add_latency(name, all);
  steady = {};
  disturbed = {};
}

}  // namespace zws::tool
