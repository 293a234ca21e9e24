// Subscribing: the messages that ask for names, as few as hold them all. A message for each would go too fast for the
// bridge, which takes some two hundred at once.
//
// Thread: any. Bound: each message stays below the 64 KiB that the bridge takes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace zws::tool {

struct Wanted {
  std::string name;  // a topic or pattern
  std::string
      since;  // from where on, as JSON: a list for a topic, an object for a pattern; empty: from now on
};

// In this order, but what has a `since` before what has none, which gets its `last` newest events first.
std::vector<std::string> subscribe_messages(const std::vector<Wanted>& wanted, std::uint64_t last);

}  // namespace zws::tool
