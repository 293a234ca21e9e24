#include "ingest/callers.hpp"

#include <chrono>

#include "ingest/line.hpp"

namespace zws {
namespace {

constexpr int watched_events = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                               ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                               ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                               ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

}  // namespace

Callers::Callers(zmq::context_t& context, zmq::socket_t& socket, IngestMetrics& metrics,
                 std::size_t most)
    : events_(context, socket, watched_events),
      metrics_(metrics),
      most_(most),
      peers_(Line::may_have_shaken_hands) {}

// Nobody is cut off before all is known: who has left by then is not there any more, and its descriptor may be
// another's, and who has finished its handshake is no stranger.
void Callers::look() {
  for (SocketEvent event; events_.next(event);) note(event);
  keep_within_bound();
}

void Callers::heard(int descriptor) {
  if (peers_.number(descriptor) == 0) look();  // it may have come since
  peers_.heard(descriptor);
}

void Callers::note(const SocketEvent& event) {
  switch (event.number) {
    case ZMQ_EVENT_ACCEPTED: return note_begin(event);
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: return peers_.succeeded();
    case ZMQ_EVENT_DISCONNECTED: return note_end(static_cast<int>(event.value));
    default: return peers_.failed();
  }
}

void Callers::note_begin(const SocketEvent& event) {
  const int descriptor = static_cast<int>(event.value);
  note_end(descriptor);  // were its end not told
  addresses_[descriptor] = event.address;
  peers_.began(descriptor);
}

void Callers::note_end(int descriptor) {
  if (addresses_.erase(descriptor) == 0) return;
  cut_.erase(descriptor);
  peers_.ended(descriptor, std::chrono::steady_clock::now());
}

void Callers::keep_within_bound() {
  const auto is_within = [this] { return addresses_.size() - cut_.size() <= most_; };
  if (is_within()) return;
  for (const int descriptor : peers_.strangers(cut_)) {
    if (!cut(descriptor)) continue;
    cut_.insert(descriptor);
    metrics_.producers_refused[static_cast<std::size_t>(RefuseReason::too_many)].add();
    if (is_within()) return;
  }
}

bool Callers::cut(int descriptor) {
  const Line line(descriptor, addresses_[descriptor]);
  const std::string peer = line.peer();
  if (!line.cut()) return false;
  std::uint64_t suppressed = 0;
  if (refused_log_.pass(suppressed))
    log::warning(
        "refused a publisher at {} (ingest.repair_bind): there are as many connections as "
        "ingest.connections allows{}",
        peer, log::more(suppressed));
  return true;
}

}  // namespace zws
