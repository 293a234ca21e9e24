// Discarded: events that topics have let go of all at once, because their source began anew. They are freed a
// few at a time: a long history takes tens of milliseconds to free, and all lanes would wait for it.
//
// Thread: one at a time (the exchange's mutex). Bounds: counts in history.bytes, and goes before anything that
// is still retained. Cost: take() O(1) but for few events; the rest of it is in free_some().
#pragma once

#include <cstddef>
#include <new>
#include <utility>
#include <vector>

#include "exchange/event_ring.hpp"
#include "exchange/heap_bytes.hpp"

namespace zws {

class Discarded {
 public:
  // Events that come to `event_bytes`. So few that it costs nothing are freed here, and so are
  // all of them where there is no memory to put them by.
  void take(EventRing events, std::size_t event_bytes) noexcept try {
    if (events.size() <= at_once) return;
    const std::size_t bytes = event_bytes + events.bytes();
    rings_.push_back(std::move(events));
    held_bytes_ += bytes;
  } catch (const std::bad_alloc&) {
  }

  bool empty() const noexcept { return rings_.empty(); }

  // Frees up to `count` events.
  void free_some(std::size_t count) noexcept {
    for (; count > 0 && !rings_.empty(); --count) {
      EventRing& ring = rings_.back();
      held_bytes_ -= ring.pop_front()->memory_bytes();
      if (!ring.empty()) continue;
      held_bytes_ -= ring.bytes();
      rings_.pop_back();
    }
    if (rings_.empty() && rings_.capacity() > 0) std::vector<EventRing>().swap(rings_);
  }

  std::size_t bytes() const noexcept {
    return held_bytes_ + heap_bytes(rings_.capacity() * sizeof(EventRing));
  }

 private:
  static constexpr std::size_t at_once = 64;

  std::vector<EventRing> rings_;
  std::size_t held_bytes_ = 0;
};

}  // namespace zws
