#include "ingest/repair.hpp"

#include <algorithm>

namespace zws {

Repair::Repair(Sink& next, Asker& asker, IngestMetrics& metrics, const Clock& clock)
    : streams_([this](RepairStream& stream) {
        held_.let_go(stream);
        publishers_.forget(stream);
      }),
      held_(next, streams_, publishers_, metrics, clock),
      publishers_(asker, streams_, held_, metrics, clock) {
  set_rules({});
}

void Repair::set_rules(const RepairRules& rules) {
  held_.set_rules(rules.held);
  publishers_.set_wait(rules.held.wait);
  streams_.set_bytes_max(rules.stream_bytes);
}

void Repair::look() {
  held_.look();
  publishers_.look();
}

SteadyTime Repair::next_time() const noexcept {
  return std::min(held_.next_time(), publishers_.next_time());
}

}  // namespace zws
