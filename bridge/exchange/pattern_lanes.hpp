// PatternLanes: which lanes listen to a topic by a pattern.
//
// What is said of a topic may name a lane too many, never one too few: the lane looks again (Router).
// That keeps it cheap while clients come and go. Who asks for a topic a second time is told what has been
// added since; what has ended is taken out of all answers together, at sweep().
//
// Thread: one at a time (the exchange's mutex).
// Cost: of update(), one comparison, and one for each pattern added since the topic's last answer. Where
// these are many, or something has been swept: what the topic's segments cost (pattern_index.hpp), at
// most `places_max` places; a topic that would cost more is given to all lanes with patterns.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "core/pattern.hpp"
#include "exchange/lane_set.hpp"
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
    if (!is_shared(lane_bit(lane))) lanes_ &= ~lane_bit(lane);
    return --count_ != 0;
  }

 private:
  Pattern pattern_;
  LaneSet lanes_ = 0;
  std::size_t count_ = 0;
};

class PatternLanes {
 public:
  // What was said of a topic, and as of when. At first: nothing.
  struct Answer {
    LaneSet lanes = 0;
    std::uint64_t as_of = 0;  // so many patterns had been added ...
    std::uint64_t sweep = 0;  // ... and so often it had been swept
  };

  // A lane listens to the pattern, which has a '*'; it did not before.
  void add(const Pattern& pattern, std::size_t lane);
  void remove(const Pattern& pattern, std::size_t lane) noexcept;

  // Brings up to date what was said of `topic`.
  void update(std::string_view topic, Answer& answer) const {
    if (answer.as_of != added_ || answer.sweep != sweep_) look_again(topic, answer);
  }

  // What has ended is left out of answers from now on. Each topic is looked at again for it, so call it
  // every few seconds, not more often.
  void sweep() noexcept;

 private:
  static constexpr std::size_t news_max = 16;
  static constexpr std::size_t places_max = 64;

  struct News {
    Pattern pattern;
    LaneSet lane;
  };

  void look_again(std::string_view topic, Answer& answer) const;
  LaneSet lanes(std::string_view topic) const;

  PatternIndex<LanesOfPattern> index_;
  std::vector<News> news_;  // what was added last, each at its number modulo `news_max`
  std::uint64_t added_ = 0;
  std::uint64_t sweep_ = 1;
  bool some_ended_ = false;                        // since the last sweep
  std::array<std::uint32_t, 64> patterns_of_{};    // for each lane's bit, how many it listens to
  mutable std::vector<LanesOfPattern*> matching_;  // keeps its room
};

}  // namespace zws
