// SourceCalls: which sources write to which topics, what their newest numbers are and what of them never
// came (docs/REST.md).
//
// Thread: each on the lane that took the request; the walk is on the first lane, some hundred topics at a
// time with its other work in between. Lifetime: outlives the lanes' threads.
#pragma once

#include "api/request.hpp"
#include "core/http.hpp"
#include "exchange/exchange.hpp"
#include "lane/lanes.hpp"
#include "metrics/metrics.hpp"

namespace zws {

class SourceCalls {
 public:
  SourceCalls(Lanes& lanes, Exchange& exchange, const Metrics& metrics)
      : lanes_(lanes), exchange_(exchange), metrics_(metrics) {}

  void list(const ApiRequest& request, HttpReply reply);

 private:
  Lanes& lanes_;
  Exchange& exchange_;
  const Metrics& metrics_;
};

}  // namespace zws
