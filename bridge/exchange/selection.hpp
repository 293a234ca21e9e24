// Selection: retained events that are about to be replayed to a client, and how much more it may take.
//
// Thread: one at a time (the exchange's mutex). Lifetime: borrows; good until the History changes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/event.hpp"
#include "exchange/event_ring.hpp"

namespace zws {

class Selection {
 public:
  // `bytes_max` is what the events may count in the queue they go to (Event::queued_bytes).
  Selection(std::size_t events_max, std::size_t bytes_max)
      : events_left_(events_max), bytes_left_(bytes_max) {}

  std::size_t events_left() const noexcept { return events_left_; }

  // The reader has had the event that arrived as `arrival`.
  void has_had(std::uint64_t arrival) noexcept { last_had_ = std::max(last_had_, arrival); }
  // The last such one, as far as the reader's positions show.
  std::uint64_t last_had() const noexcept { return last_had_; }

  // False, and nothing taken, when it does not fit.
  bool take(const Retained& event) {
    const std::size_t bytes = event.event->queued_bytes();
    if (events_left_ == 0 || bytes > bytes_left_) return false;
    --events_left_;
    bytes_left_ -= bytes;
    taken_.push_back(&event);
    return true;
  }

  // All that was taken, in order of arrival.
  std::vector<EventPtr> events() {
    std::sort(taken_.begin(), taken_.end(),
              [](const Retained* a, const Retained* b) { return a->arrival < b->arrival; });
    std::vector<EventPtr> events;
    events.reserve(taken_.size());
    for (const Retained* each : taken_) events.push_back(each->event);
    return events;
  }

 private:
  std::size_t events_left_;
  std::size_t bytes_left_;
  std::vector<const Retained*> taken_;
  std::uint64_t last_had_ = 0;
};

}  // namespace zws
