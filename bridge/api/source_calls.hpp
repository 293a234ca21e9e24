// SourceCalls: which sources write to which topics, what their newest numbers are and what of them never
// came (docs/REST.md).
//
// Thread: the clerk's, a few topics at a time with other calls in between. Nothing arrives while it looks at
// these, and no lane waits for what is made of them. Lifetime: outlives the clerk's thread.
#pragma once

#include "api/clerk.hpp"
#include "api/request.hpp"
#include "core/http.hpp"
#include "exchange/exchange.hpp"
#include "metrics/metrics.hpp"

namespace zws {

class SourceCalls {
 public:
  SourceCalls(Clerk& clerk, Exchange& exchange, const Metrics& metrics)
      : clerk_(clerk), exchange_(exchange), metrics_(metrics) {}

  void list(const ApiRequest& request, HttpReply reply);

 private:
  Clerk& clerk_;
  Exchange& exchange_;
  const Metrics& metrics_;
};

}  // namespace zws
