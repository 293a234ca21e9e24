// Counters: what number each topic's next event gets, and under which name they count.
//
// Thread: one at a time. Bounded: at `topics` topics all are forgotten and `source` changes, since
// a number that comes a second time under one source would be taken for a duplicate.
// Cost: one hash look-up; a known topic allocates nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

namespace zws {

class Counters {
 public:
  explicit Counters(std::size_t topics);

  // The topic's next number, from 1 on; 0 when `topic` is not a valid topic.
  std::uint64_t next(std::string_view topic);

  const std::string& source() const noexcept { return source_; }

 private:
  struct Counter {
    std::string topic;
    std::uint64_t seq = 0;
  };

  void begin_anew();

  const std::size_t topics_;
  std::string source_;
  std::deque<Counter> counters_;
  std::unordered_map<std::string_view, Counter*> by_topic_;
};

}  // namespace zws
