// Audience: the subscribers of one topic or pattern, on one lane.
//
// Thread: its lane only. Cost: join and leave are O(1) in the audience and O(subscriptions) in the
// one subscriber.
#pragma once

#include <string>
#include <vector>

#include "core/pattern.hpp"
#include "core/recent_rate.hpp"
#include "routing/subscriber.hpp"

namespace zws {

class Audience {
 public:
  explicit Audience(Pattern pattern) : pattern_(std::move(pattern)) {}

  const Pattern& pattern() const noexcept { return pattern_; }
  struct Seat {
    Subscriber* who;
    std::uint32_t place;  // of the membership in the subscriber's own list
  };

  const std::vector<Seat>& seats() const noexcept { return seats_; }
  bool empty() const noexcept { return seats_.empty() && expected == 0; }

  // `since` as in Router::subscribe().
  void join(Subscriber& who, bool implicit, std::uint64_t since);

  // Events offered to this audience so far.
  std::uint64_t offered() const noexcept { return offered_; }
  void count_offered(SteadyTime received) noexcept {
    ++offered_;
    rate_.note(received);
  }
  double rate(SteadyTime now) const noexcept { return rate_.per_second(now); }

  // `index` is the place in the subscriber's own list.
  void leave(Subscriber& who, std::size_t index) noexcept;

  // The place in `who`'s list, or nothing.
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  std::size_t find(const Subscriber& who) const noexcept;

  // The Router's notes.
  std::uint32_t topic_id = Event::no_topic_id;  // of a topic by name
  std::uint32_t expected = 0;                   // who will join: it is held for them
  bool unwanted = false;       // it is among those to be given back, if still empty
  std::uint32_t watchers = 0;  // of those who joined or will, who is told of sources

 private:
  const Pattern pattern_;
  std::vector<Seat> seats_;
  std::uint64_t offered_ = 0;
  RecentRate rate_;

 public:
  std::uint32_t noted =
      0;  // the Router's, while it looks at all that one subscriber has: the place there, and 1
};

}  // namespace zws
