// NewestEvents: out of all that is offered, the events that arrived last.
//
// Thread: its lane only. Lifetime: borrows; good until the History changes.
// Cost: O(log events_max) an event.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <queue>
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

  // Whether an event of that arrival number would be taken.
  bool wants(std::uint64_t arrival) const noexcept {
    return best_.size() < events_max_ || (events_max_ > 0 && arrival > best_.top()->arrival);
  }

  void offer(const TopicHistory& topic) {
    topic.newest(per_topic_, [&](const Retained& each) {
      if (!wants(each.arrival)) return false;
      best_.push(&each);
      if (best_.size() > events_max_) best_.pop();
      return true;
    });
  }

  void clear() { best_ = {}; }

  // In order of arrival; where `bytes_max` cuts, the oldest are left out.
  std::vector<EventPtr> events(std::size_t bytes_max) {
    std::vector<const Retained*> oldest_first;
    for (; !best_.empty(); best_.pop()) oldest_first.push_back(best_.top());
    Selection selection(events_max_, bytes_max);
    for (auto each = oldest_first.rbegin(); each != oldest_first.rend(); ++each) {
      if (!selection.take(**each)) break;
    }
    return selection.events();
  }

 private:
  struct Later {
    bool operator()(const Retained* a, const Retained* b) const noexcept {
      return a->arrival > b->arrival;
    }
  };

  const std::size_t per_topic_;
  const std::size_t events_max_;
  std::priority_queue<const Retained*, std::vector<const Retained*>, Later> best_;
};

}  // namespace zws
