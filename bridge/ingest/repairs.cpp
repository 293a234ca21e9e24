#include "ingest/repairs.hpp"

#include <algorithm>

#include "config/descriptors.hpp"

namespace zws {
namespace {

constexpr std::chrono::milliseconds looks_every{2};

// As many events as any topic keeps.
std::size_t kept_max(const Config& config) {
  std::size_t most = config.history.size;
  for (const RouteConfig& route : config.routes) most = std::max(most, route.history.value_or(0));
  return most;
}

}  // namespace

Repairs::Repairs(zmq::context_t& context, const CurveKeys& keys, Sink& next, IngestMetrics& metrics,
                 const Config& config)
    : port_(context, keys, metrics, share_descriptors(config).producers, wakeup_),
      repair_(next, port_, metrics) {
  set_rules(config);
  port_.bind(config);
}

void Repairs::set_rules(const Config& config) {
  RepairRules rules;
  rules.held.wait = config.ingest.repair_wait;
  rules.held.bytes = config.ingest.memory_bytes / 4;
  rules.held.first_events = kept_max(config);
  rules.stream_bytes = config.ingest.memory_bytes / 2;
  repair_.set_rules(rules);
  port_.set_rules({config.limits.event_bytes, config.ingest.commands});
}

// Its order matters: the port is found empty last, or else what came meanwhile wakes nobody.
bool Repairs::drain(bool idle) {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (repair_.next_time() <= now) repair_.look();
  bool more = false;
  const bool looks = now - looked_ >= looks_every;
  if (looks) looked_ = now;
  if (idle || port_.touched() || (looks && wakeup_.is_ready())) {
    port_.callers().look();
    more = port_.drain(repair_);
  }
  wakeup_.wake_at(repair_.next_time());
  return more;
}

void Repairs::reopen(const Config& config) {
  port_.reopen(config);
  repair_.publishers().note_all_gone();
}

void Repairs::close() noexcept { port_.close(); }

void Repairs::wait_for_too(zmq::socket_t& socket) { wakeup_.add(socket.get(zmq::sockopt::fd)); }

void Repairs::wait_no_more_for(zmq::socket_t& socket) noexcept {
  int descriptor = -1;
  std::size_t size = sizeof descriptor;
  if (zmq_getsockopt(socket.handle(), ZMQ_FD, &descriptor, &size) == 0) wakeup_.remove(descriptor);
}

void Repairs::keep_within(std::size_t held, std::size_t bound) {
  if (repair_.bytes_held() > 0 && held + repair_.bytes_held() > bound) repair_.let_all_go();
}

}  // namespace zws
