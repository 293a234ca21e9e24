// Early: events that were published before the first bridge had subscribed, and wait for it.
//
// Thread: one at a time; the publisher's lock sees to it.
// Bound:  `events_max` events, 16 MiB, and `patience` from the first of them.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

namespace zws {

class Early {
 public:
  struct Event {
    std::string topic, payload, header;  // without headers the last is empty
  };

  Early(std::chrono::milliseconds patience, std::size_t events_max) noexcept;

  // False when there is no room for it, or no time is given.
  bool take(std::string_view topic, std::string_view payload, std::string_view header);

  bool is_over() const noexcept;

  // In their order.
  const std::deque<Event>& events() const noexcept { return events_; }

 private:
  const std::chrono::milliseconds patience_;
  const std::size_t events_max_;
  std::chrono::steady_clock::time_point until_;  // set with the first event
  std::size_t bytes_ = 0;
  std::deque<Event> events_;
};

}  // namespace zws
