#include "exchange/event_ring.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "exchange/heap_bytes.hpp"

namespace zws {

void EventRing::push(const EventPtr& event, std::uint64_t arrival, std::size_t size_max) {
  assert(live_ < size_max);
  if (span_ == capacity_) make_room(size_max);
  Retained& place = slot(span_++);
  place.event = event;
  place.arrival = arrival;
  ++live_;
  // In a full ring the next event pushes this one out, and by then it has gone cold.
  if (live_ == size_max) __builtin_prefetch(slot(0).event.get());
}

void EventRing::put_first(const std::vector<Retained>& events, std::size_t size_max) {
  EventRing whole;
  whole.reallocate(static_cast<std::uint32_t>(events.size() + size()));
  for (const Retained& each : events) whole.push(each.event, each.arrival, size_max);
  oldest_first([&](const Retained& each) {
    whole.push(each.event, each.arrival, size_max);
    return true;
  });
  *this = std::move(whole);
}

EventPtr EventRing::pop_front() noexcept {
  assert(live_ > 0);
  EventPtr gone = std::move(slot(0).event);
  --live_;
  --span_;
  head_ = head_ + 1 < capacity_ ? head_ + 1 : 0;
  if (span_ != live_) trim_ends();
  return gone;
}

std::size_t EventRing::place_from(std::uint64_t arrival) const noexcept {
  // Holes keep their arrival number, so the numbers rise throughout.
  std::uint32_t low = 0;
  std::uint32_t high = span_;
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (slot(middle).arrival < arrival)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

EventPtr EventRing::erase(std::uint64_t arrival) noexcept {
  const auto low = static_cast<std::uint32_t>(place_from(arrival));
  assert(low < span_ && slot(low).arrival == arrival && slot(low).event);
  EventPtr gone = std::move(slot(low).event);
  --live_;
  trim_ends();
  return gone;
}

void EventRing::trim_ends() noexcept {
  while (span_ > 0 && !slot(0).event) {
    head_ = head_ + 1 < capacity_ ? head_ + 1 : 0;
    --span_;
  }
  while (span_ > 0 && !slot(span_ - 1).event) --span_;
}

void EventRing::make_room(std::size_t size_max) {
  const std::uint32_t holes = span_ - live_;
  if (holes > 0 && holes * 2 >= capacity_) return close_holes();
  const std::size_t doubled = std::size_t{capacity_} * 2;
  // Without holes there are never more than `size_max`; with them, room for as many holes again
  // keeps the cost of closing them constant an event.
  const std::size_t wanted = holes > 0 ? doubled : std::min(doubled, size_max);
  reallocate(static_cast<std::uint32_t>(std::max<std::size_t>(wanted, 1)));
}

void EventRing::close_holes() noexcept {
  std::uint32_t filled = 0;
  for (std::uint32_t i = 0; i < span_; ++i) {
    if (!slot(i).event) continue;
    if (filled != i) slot(filled) = std::move(slot(i));
    ++filled;
  }
  span_ = filled;
}

void EventRing::reallocate(std::uint32_t capacity) {
  std::unique_ptr<Retained[]> wider(capacity > 0 ? new Retained[capacity] : nullptr);
  std::uint32_t filled = 0;
  for (std::uint32_t i = 0; i < span_; ++i) {
    if (slot(i).event) wider[filled++] = std::move(slot(i));
  }
  slots_ = std::move(wider);
  capacity_ = capacity;
  // new[] of a type with a destructor keeps the count in front.
  bytes_ = capacity == 0 ? 0 : heap_bytes(capacity * sizeof(Retained) + sizeof(std::size_t));
  head_ = 0;
  span_ = filled;
}

void EventRing::shrink() {
  if (live_ == 0) {
    if (capacity_ > 0) reallocate(0);
  } else if (live_ <= capacity_ / 4) {
    reallocate(live_ * 2);
  }
}

}  // namespace zws
