#include "ingest/callers.hpp"

#include <chrono>
#include <utility>

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
    : events_(context, socket, watched_events), metrics_(metrics), most_(most) {}

// Who has left by the end of it is not cut off: its descriptor may be another's by then.
void Callers::look() {
  for (SocketEvent event; events_.next(event);) note(event);
  for (const int descriptor : std::exchange(to_cut_, {})) cut(descriptor);
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
  if (addresses_.size() - refused_.size() <= most_) return;
  const int last = peers_.oldest_stranger(refused_);
  if (last < 0) return;
  refused_.insert(last);
  to_cut_.insert(last);
  metrics_.producers_refused[static_cast<std::size_t>(RefuseReason::too_many)].add();
}

void Callers::note_end(int descriptor) {
  if (addresses_.erase(descriptor) == 0) return;
  refused_.erase(descriptor);
  to_cut_.erase(descriptor);
  peers_.ended(descriptor, std::chrono::steady_clock::now());
}

void Callers::cut(int descriptor) {
  const Line line(descriptor, addresses_[descriptor]);
  std::uint64_t suppressed = 0;
  if (refused_log_.pass(suppressed))
    log::warning(
        "refused a publisher at {} (ingest.repair_bind): there are as many connections as "
        "ingest.connections allows{}",
        line.peer(), log::more(suppressed));
  line.cut();
}

}  // namespace zws
