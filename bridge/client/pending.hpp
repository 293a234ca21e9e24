// Pending: the messages that came in one piece with a token that is still being checked, or with a
// get_stats whose answer is still being found. Nothing more is read from a client until then.
//
// Thread: its lane only. Bound: limits.message_bytes in all, for which an empty message counts, too; more
// ends the connection.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace zws {

struct Pending {
  void keep(std::string_view message) {
    messages.emplace_back(message);
    bytes += sizeof messages.back() + message.size();
  }

  std::vector<std::string> messages;
  std::size_t bytes = 0;
  bool authenticating = false;  // an `auth` message, not the upgrade, brought the token
  std::string request_id;       // its `id`, as JSON; empty: none
};

}  // namespace zws
