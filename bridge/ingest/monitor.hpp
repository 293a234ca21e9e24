// Monitor: which producers come and go, as libzmq tells it.
//
// Thread: the source's. Lifetime: dies before its socket.
#pragma once

#include <string>
#include <zmq.hpp>

#include "metrics/metrics.hpp"

namespace zws {

class Monitor {
 public:
  Monitor(zmq::context_t& context, zmq::socket_t& socket, IngestMetrics& metrics);
  ~Monitor();

  // Takes what has happened since the last look: counts it and logs it. Never waits.
  void look();

 private:
  void note(std::uint16_t event, std::uint32_t value, const std::string& address);

  zmq::socket_t& socket_;
  zmq::socket_t events_;
  IngestMetrics& metrics_;
};

}  // namespace zws
