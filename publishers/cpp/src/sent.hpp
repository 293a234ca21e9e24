// Sent: what a publisher has sent so far, as its own thread and the one that repairs share it.
#pragma once

#include <mutex>

#include "counters.hpp"
#include "held.hpp"

namespace zws {

struct Sent {
  Sent(std::size_t topics, std::size_t bytes, std::size_t bridges)
      : counters(topics, bridges), held(bytes) {}

  // @all and @user/<id> are for whoever is there: they are not held.
  void keep(Counter& counter, std::int64_t ts, std::string_view key, std::string_view payload) {
    if (counter.topic.front() == '@') return;
    held.keep(counter.trail, counter.seq, ts, key, payload);
    counters.mark(counter);
  }

  std::mutex mutex;  // guards everything below
  Counters counters;
  Held held;
  // Events wait for the first bridge, which is not told of them before they have left: it would ask
  // for each again.
  bool early = false;
};

}  // namespace zws
