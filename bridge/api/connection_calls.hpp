// ConnectionCalls: who is connected, as lists and one by one (docs/REST.md).
//
// Thread: each on the clerk's. A lane looks at its clients a slice at a time, with its other work in between. Lifetime: outlives the lanes' threads.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/clerk.hpp"
#include "api/list_query.hpp"
#include "api/request.hpp"
#include "core/http.hpp"
#include "exchange/exchange.hpp"
#include "lane/lanes.hpp"

namespace zws {

class ConnectionCalls {
 public:
  ConnectionCalls(Lanes& lanes, Exchange& exchange, Clerk& clerk)
      : lanes_(lanes), exchange_(exchange), clerk_(clerk) {}

  void list(const ApiRequest& request, HttpReply reply);
  void one(const ApiRequest& request, HttpReply reply);

  // The first `limit` of those who receive what is sent to the topic, or who asked for the pattern: a list
  // of {"client_id","user","address"}.
  void receivers(const Pattern& of, std::size_t limit, std::function<void(std::string)> done);

 private:
  Lanes& lanes_;
  Exchange& exchange_;
  Clerk& clerk_;
};

}  // namespace zws
