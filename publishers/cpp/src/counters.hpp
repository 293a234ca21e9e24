// Counters: what number each topic's next event gets, under which name they count, and which topics
// each bridge has not been told of since.
//
// Thread: one at a time. Bounded: at `topics` topics all are forgotten and `source` changes, since
// a number that comes a second time under one source would be taken for a duplicate.
// Cost: one hash look-up; a known topic allocates nothing but its place among those to be told.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "held.hpp"

namespace zws {

struct Counter {
  std::string topic;
  std::uint64_t seq = 0;     // of its newest event
  Trail trail;               // of those that are held
  std::uint64_t untold = 0;  // a bit for each bridge that is to be told of it
};

class Counters {
 public:
  static constexpr std::size_t bridges_max = 64;

  explicit Counters(std::size_t topics, std::size_t bridges = 0);

  // The topic's counter with its next number, from 1 on; null when `topic` is not a valid topic.
  Counter* next(std::string_view topic);

  // Null when the topic has no counter.
  const Counter* find(std::string_view topic) const noexcept;

  // In the order of their first events.
  std::size_t size() const noexcept { return counters_.size(); }
  const Counter& operator[](std::size_t index) const noexcept { return counters_[index]; }

  // All bridges are to be told of it.
  void mark(Counter& counter) {
    if (counter.untold != all_bridges_) mark_for_the_rest(counter);
  }

  // The one that was marked first for this bridge, which is marked no more; null when there is none.
  const Counter* next_marked(std::size_t bridge) noexcept;

  void unmark_all(std::size_t bridge) noexcept {
    while (next_marked(bridge)) continue;
  }

  const std::string& source() const noexcept { return source_; }

 private:
  void begin_anew();
  void mark_for_the_rest(Counter& counter);

  const std::size_t topics_;
  std::string source_;
  std::deque<Counter> counters_;
  std::unordered_map<std::string_view, Counter*> by_topic_;
  const std::uint64_t all_bridges_;
  std::vector<std::deque<Counter*>> untold_;  // for each bridge
};

}  // namespace zws
