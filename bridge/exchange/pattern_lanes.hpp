// PatternLanes: which lanes listen to a topic by a pattern.
//
// Thread: one at a time (the exchange's mutex).
// Cost: of lanes(), what the topic's segments cost (pattern_index.hpp), whatever the number of patterns.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "core/pattern.hpp"
#include "exchange/ledger.hpp"
#include "exchange/pattern_index.hpp"

namespace zws {

// The lanes of one pattern.
class LanesOfPattern {
 public:
  explicit LanesOfPattern(Pattern pattern) : pattern_(std::move(pattern)) {}

  const Pattern& pattern() const noexcept { return pattern_; }
  LaneSet lanes() const noexcept { return lanes_; }

  void add(std::size_t lane) noexcept {
    ++count_;
    lanes_ |= lane_bit(lane);
  }
  // False if no lane is left.
  bool remove(std::size_t lane) noexcept {
    // The last bit may be that of others, too.
    if (lane_bit(lane) != lane_bit(63)) lanes_ &= ~lane_bit(lane);
    return --count_ != 0;
  }

 private:
  Pattern pattern_;
  LaneSet lanes_ = 0;
  std::size_t count_ = 0;
};

class PatternLanes {
 public:
  // A lane listens to the pattern, which has a '*'; it did not before.
  void add(const Pattern& pattern, std::size_t lane);
  void remove(const Pattern& pattern, std::size_t lane) noexcept;

  LaneSet lanes(std::string_view topic) const;

  // Rises with each change of what lanes() says of some topic. Never 0.
  std::uint64_t version() const noexcept { return version_; }

 private:
  PatternIndex<LanesOfPattern> index_;
  mutable std::vector<LanesOfPattern*> matching_;  // keeps its room
  std::uint64_t version_ = 1;
};

}  // namespace zws
