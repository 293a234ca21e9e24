// TopicCalls: which topics and patterns there are, as lists and one by one (docs/REST.md).
//
// A list walks the names in their order, 2,000 at a time, and asks every lane of these; so no lane
// is kept from its work, however many there are, and nobody holds them all.
//
// Thread: a call begins on the clerk's. A lane's thread answers it, or the clerk's again, which puts together
// what lanes said of a list. Lifetime: outlives the lanes' threads.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/clerk.hpp"
#include "api/connection_calls.hpp"
#include "api/request.hpp"
#include "core/http.hpp"
#include "exchange/exchange.hpp"
#include "lane/lanes.hpp"

namespace zws {

class TopicCalls {
 public:
  TopicCalls(Lanes& lanes, Exchange& exchange, Clerk& clerk, ConnectionCalls& connections)
      : lanes_(lanes), exchange_(exchange), clerk_(clerk), connections_(connections) {}

  // Or one, with `?topic=`.
  void list(const ApiRequest& request, HttpReply reply);
  void one(const ApiRequest& request, HttpReply reply);

  // Of each of the names, what all lanes know of it.
  void loads(std::vector<std::string> names, std::function<void(std::vector<TopicLoad>)> done);

 private:
  void look_at(const ApiRequest& request, const std::string& name, HttpReply reply);

  Lanes& lanes_;
  Exchange& exchange_;
  Clerk& clerk_;
  ConnectionCalls& connections_;
};

std::string load_json(const TopicLoad& load);

// The names that any of the lists holds, each once, in order.
std::vector<std::string> names_together(std::vector<std::vector<std::string>> lists);

}  // namespace zws
