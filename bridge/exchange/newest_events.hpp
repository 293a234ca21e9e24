// NewestEvents: out of all topics that are offered, the events that arrived last.
//
// Thread: one at a time (the exchange's mutex). Lifetime: borrows; good until the History changes.
// Cost: O(1) a topic and O(log topics) an event that is selected, however many the topics keep.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "exchange/event_ring.hpp"
#include "exchange/selection.hpp"
#include "exchange/topic_history.hpp"

namespace zws {

class NewestEvents {
 public:
  // At most `per_topic` events of each topic, `events_max` in all.
  NewestEvents(std::size_t per_topic, std::size_t events_max)
      : per_topic_(per_topic), events_max_(events_max) {}

  // Whether a topic could matter whose newest event arrived as `heard` or before. Topics have been
  // offered in the order in which they were heard from, the last one first.
  bool wants(std::uint64_t heard) const noexcept {
    return per_topic_ != 0 && (next_.size() < events_max_ || (events_max_ != 0 && heard > least_));
  }

  void offer(const TopicHistory& topic) {
    if (topic.empty() || per_topic_ == 0) return;
    next_.push_back({topic.newest(), per_topic_});
    least_ = std::min(least_, next_.back().event->arrival);
  }

  void clear() {
    next_.clear();
    least_ = none_yet;
  }

  // In order of arrival; where `bytes_max` cuts, the oldest are left out. Once.
  std::vector<EventPtr> events(std::size_t bytes_max) {
    Selection selection(events_max_, bytes_max);
    std::make_heap(next_.begin(), next_.end(), Earlier());
    while (!next_.empty()) {
      std::pop_heap(next_.begin(), next_.end(), Earlier());
      Next& newest = next_.back();
      if (!selection.take(*newest.event)) break;
      if (--newest.left == 0 || !newest.event.older()) {
        next_.pop_back();
      } else {
        std::push_heap(next_.begin(), next_.end(), Earlier());
      }
    }
    return selection.events();
  }

 private:
  static constexpr std::uint64_t none_yet = static_cast<std::uint64_t>(-1);

  // A topic's newest event that is not selected yet, and how many of the topic still may be.
  struct Next {
    EventRing::Cursor event;
    std::size_t left;
  };
  struct Earlier {
    bool operator()(const Next& a, const Next& b) const noexcept {
      return a.event->arrival < b.event->arrival;
    }
  };

  const std::size_t per_topic_;
  const std::size_t events_max_;
  std::vector<Next> next_;
  std::uint64_t least_ = none_yet;  // of their newest events
};

}  // namespace zws
