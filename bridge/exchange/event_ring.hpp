// EventRing, a ring buffer: retained events in order of arrival, in one block that grows as they come.
//
// An event that leaves from the middle leaves a hole; holes at the ends close at once, those within
// when the ring would have to grow.
//
// Thread: one at a time (the exchange's mutex).
// Cost: push is amortised O(1), pop_front O(1), erase O(log n).
// Memory: an EventPtr and an arrival number an event; the block doubles up to `size_max` of push().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/event.hpp"

namespace zws {

// An event and its place among all events of the lane.
struct Retained {
  EventPtr event;
  std::uint64_t arrival = 0;
};

class EventRing {
 public:
  bool empty() const noexcept { return live_ == 0; }
  std::size_t size() const noexcept { return live_; }

  // The oldest and the newest; there must be one.
  const Retained& front() const noexcept { return slot(0); }
  const Retained& back() const noexcept { return slot(span_ - 1); }

  // `arrival` is above all before it, and size() below `size_max`.
  void push(const EventPtr& event, std::uint64_t arrival, std::size_t size_max);

  // Puts events in front of all that are here: in order of arrival, and their numbers below all of these.
  // With them there are at most `size_max`. Cost: O(events).
  void put_first(const std::vector<Retained>& events, std::size_t size_max);

  EventPtr pop_front() noexcept;

  // Takes out the event that arrived as `arrival`; it must be here.
  EventPtr erase(std::uint64_t arrival) noexcept;

  // Its places from the oldest event to the newest, in order of arrival. One whose event has left from
  // the middle holds none any more, but its number still.
  std::size_t places() const noexcept { return span_; }
  const Retained& place(std::size_t i) const noexcept {
    return slot(static_cast<std::uint32_t>(i));
  }
  // The first place that arrived as `arrival` or later; places() if there is none.
  std::size_t place_from(std::uint64_t arrival) const noexcept;

  // Moves the events that arrived as `since` or later and that `wanted` accepts into `to`, which is empty.
  template <typename Wanted>
  void move_out(std::uint64_t since, Wanted&& wanted, EventRing& to);

  // Gives back memory that far fewer events than once no longer need.
  void shrink();

  // What the ring's own block takes.
  std::size_t bytes() const noexcept { return bytes_; }

  // Stands at an event, at first at the newest; there must be one. Good until the ring changes.
  class Cursor {
   public:
    explicit Cursor(const EventRing& ring) noexcept : ring_(&ring), at_(ring.span_ - 1) {}

    const Retained& operator*() const noexcept { return ring_->slot(at_); }
    const Retained* operator->() const noexcept { return &**this; }

    // Goes to the one that arrived before it; false, and goes nowhere, where there is none.
    bool older() noexcept {
      for (std::uint32_t i = at_; i-- > 0;) {
        if (!ring_->slot(i).event) continue;
        at_ = i;
        return true;
      }
      return false;
    }

   private:
    const EventRing* ring_;
    std::uint32_t at_;
  };

  // Shows events to `visit`, newest or oldest first, until it returns false.
  template <typename Visit>
  void newest_first(Visit&& visit) const {
    for (std::uint32_t i = span_; i-- > 0;) {
      if (slot(i).event && !visit(slot(i))) return;
    }
  }
  template <typename Visit>
  void oldest_first(Visit&& visit) const {
    for (std::uint32_t i = 0; i < span_; ++i) {
      if (slot(i).event && !visit(slot(i))) return;
    }
  }

 private:
  const Retained& slot(std::uint32_t i) const noexcept {
    const std::uint32_t at = head_ + i;
    return slots_[at < capacity_ ? at : at - capacity_];
  }
  Retained& slot(std::uint32_t i) noexcept {
    return const_cast<Retained&>(static_cast<const EventRing&>(*this).slot(i));
  }
  void make_room(std::size_t size_max);
  void close_holes() noexcept;
  void reallocate(std::uint32_t capacity);
  void trim_ends() noexcept;

  std::unique_ptr<Retained[]> slots_;
  std::size_t bytes_ = 0;
  std::uint32_t capacity_ = 0;
  std::uint32_t head_ = 0;
  std::uint32_t span_ = 0;  // slots from the oldest to the newest event, holes included
  std::uint32_t live_ = 0;
};

template <typename Wanted>
void EventRing::move_out(std::uint64_t since, Wanted&& wanted, EventRing& to) {
  const std::size_t size_max = live_;
  for (auto i = static_cast<std::uint32_t>(place_from(since)); i < span_; ++i) {
    if (!slot(i).event || !wanted(slot(i))) continue;
    to.push(slot(i).event, slot(i).arrival, size_max);
    slot(i).event = nullptr;
    --live_;
  }
  trim_ends();
}

}  // namespace zws
