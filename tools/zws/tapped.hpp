// Tapped messages: what a producer sent, read as the bridge would read it.
//
// Thread: any; pure functions.
#pragma once

#include <string>
#include <vector>

namespace zws::tool {

struct TappedMessage {
  std::string topic;
  std::string payload;
  std::string header;  // as it came; empty: none
  std::string fault;   // why a bridge would refuse the message; empty: it would not
};

// `frames`: at least one, as they came from ZeroMQ.
TappedMessage tapped(const std::vector<std::string>& frames);

// {"topic":T,"payload":P,"encoding":"base64","header":H,"fault":F}, with those that apply.
std::string tapped_json(const TappedMessage& message);

}  // namespace zws::tool
