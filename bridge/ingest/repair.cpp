#include "ingest/repair.hpp"

#include <algorithm>

namespace zws {
namespace {

constexpr std::chrono::milliseconds stall{20};  // so late is nobody who looks all the time

}  // namespace

Repair::Repair(Sink& next, Asker& asker, IngestMetrics& metrics, const Clock& clock)
    : clock_(clock),
      streams_([this](RepairStream& stream) {
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
  const SteadyTime now = clock_.steady();
  if (now - due() > stall && not_before_ < due()) not_before_ = now + stall;
  if (now < not_before_) return;
  held_.look();
  publishers_.look();
}

SteadyTime Repair::next_time() const noexcept { return std::max(due(), not_before_); }

SteadyTime Repair::due() const noexcept {
  return std::min(held_.next_time(), publishers_.next_time());
}

}  // namespace zws
