// LongRequest: a subscribe or unsubscribe that is being answered. One message may name thousands of
// topics, so it is answered in slices with other work of the lane between them, and no faster than its
// client takes the answers.
//
// Thread: its lane only. Lifetime: owned by its session; gone when all is answered or the session has
// left. Bound: what limits.message_bytes lets a message name, and what was read with it: while there
// is one nothing more is read.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "client/client_protocol.hpp"

namespace zws {

struct LongRequest {
  explicit LongRequest(Request asked) : request(std::move(asked)) {}

  bool done() const noexcept { return next == request.topics.size(); }

  const Request request;
  std::size_t next = 0;               // of request.topics, to be answered
  bool refused = false;               // a topic was
  bool counted = false;               // ... and that it was an error has been noted
  bool due = true;                    // its next slice is taken, or will be; else it waits for room
  std::vector<std::string> messages;  // read with it; what the client says waits
};

}  // namespace zws
