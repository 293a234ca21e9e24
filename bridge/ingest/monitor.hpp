// Monitor: which producers come, go and are refused, as libzmq tells it.
//
// Thread: the source's. Lifetime: dies before its socket.
#pragma once

#include <array>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "core/log.hpp"
#include "ingest/peers.hpp"
#include "metrics/metrics.hpp"

namespace zws {

class Monitor {
 public:
  // `curve`: the socket lets in only who speaks CURVE.
  Monitor(zmq::context_t& context, zmq::socket_t& socket, IngestMetrics& metrics, bool curve);
  ~Monitor();

  // Takes what has happened since the last look: counts it and logs it. Never waits.
  void look();

  // Endpoints of `ingest.connect` that libzmq does not try any more: dial them again.
  std::vector<std::string> given_up();

 private:
  struct Event {
    std::uint16_t number = 0;
    std::uint32_t value = 0;
    std::string address;
  };

  bool next(Event& event);
  void note(const Event& event);
  void note_end(const Event& event);
  void refuse(RefuseReason reason, const std::string& address);

  zmq::socket_t& socket_;
  zmq::socket_t events_;
  IngestMetrics& metrics_;
  const bool curve_;
  Peers peers_;
  log::Quiet connected_logs_;
  log::Quiet left_logs_;
  std::array<log::Quiet, static_cast<std::size_t>(RefuseReason::count_)> refused_logs_;
};

}  // namespace zws
