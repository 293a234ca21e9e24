// Callers: who is connected to the repair port, and no more of them than may be.
//
// libzmq accepts whoever comes. Where one is too many, the oldest that has not finished its handshake is cut
// off, which is the newcomer itself where all others have: strangers who say nothing keep no publisher out,
// and nobody throws out a publisher that is there. As of producers, only that these take one descriptor each.
//
// Thread: the source's. Lifetime: ends before its socket. Bound: `most`, and who came since the last look;
// whoever could not be cut off, for want of a descriptor, counts until the next look, and is tried again.
// Errors: the constructor and look() throw zmq::error_t.
#pragma once

#include <map>
#include <set>
#include <string>
#include <zmq.hpp>

#include "core/log.hpp"
#include "ingest/peers.hpp"
#include "ingest/socket_events.hpp"
#include "metrics/metrics.hpp"

namespace zws {

class Callers {
 public:
  Callers(zmq::context_t& context, zmq::socket_t& socket, IngestMetrics& metrics, std::size_t most);

  // Takes what has happened, and cuts off who is too many. Never waits.
  void look();

  // A message has come over it: no stranger makes its handshake look unfinished.
  void heard(int descriptor);

  // Readable where there is something to look at.
  int descriptor() const { return events_.descriptor(); }

  bool nobody() const noexcept { return addresses_.empty(); }

 private:
  void note(const SocketEvent& event);
  void note_begin(const SocketEvent& event);
  void note_end(int descriptor);
  void keep_within_bound();
  bool cut(int descriptor);

  SocketEvents events_;
  IngestMetrics& metrics_;
  const std::size_t most_;
  Peers peers_;
  std::map<int, std::string> addresses_;  // of our own end, by libzmq's descriptor
  std::set<int> cut_;                     // of those, who has been cut off
  log::Quiet refused_log_;
};

}  // namespace zws
