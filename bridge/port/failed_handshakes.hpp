// FailedHandshakes: what an operator learns of connections that ended before they had asked for anything:
// TLS that was not agreed on, a refused PROXY header, a head that is no HTTP or did not come in time.
//
// Thread: its lane only. Lifetime: of its Server.
#pragma once

#include "core/log.hpp"
#include "metrics/metrics.hpp"
#include "port/connection.hpp"

namespace zws {

class FailedHandshakes {
 public:
  explicit FailedHandshakes(LaneMetrics& metrics) noexcept : metrics_(metrics) {}

  // The connection has ended. If that was such an end it is counted, and logged where the wire knows why.
  void note(const Connection& its);

 private:
  void count(HandshakeResult result);

  LaneMetrics& metrics_;
  log::Quiet tls_log_;
  log::Quiet proxy_log_;
};

}  // namespace zws
