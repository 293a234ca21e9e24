// Pending: the messages that a client sent while its token was still being checked.
//
// Thread: its lane only. Bound: limits.message_bytes in all; more ends the connection.
#pragma once

#include <string>
#include <vector>

namespace zws {

struct Pending {
  std::vector<std::string> messages;
  std::size_t bytes = 0;
  bool authenticating = false;  // an `auth` message, not the upgrade, brought the token
  std::string request_id;       // its `id`, as JSON; empty: none
};

}  // namespace zws
