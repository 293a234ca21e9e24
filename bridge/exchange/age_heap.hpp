// AgeHeap, a lazy min-heap: of many topics, the one that holds the oldest event.
//
// A topic's oldest event changes with nearly every event it gets, and it is needed only when memory runs
// short. So an entry keeps the arrival number that it had when last looked at, which can only be too
// small, and is put right when it comes to the top.
//
// Thread: one at a time (the exchange's mutex). Lifetime: borrows topics, which leave before they die or become empty.
// Cost: O(log n), for a newly filled topic O(1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

namespace zws {

struct KeptTopic;

class AgeHeap {
 public:
  static constexpr std::uint32_t nowhere = static_cast<std::uint32_t>(-1);

  // The topic holds events and is in no AgeHeap.
  void add(KeptTopic& topic);

  void remove(KeptTopic& topic) noexcept;

  bool empty() const noexcept { return entries_.empty(); }

  // The topic with the oldest event; there must be one. To keep a long quiet time from being paid
  // for in one call, no more than 64 entries are put right; if that was not enough, the topic is the
  // one whose events were the oldest when last looked at.
  KeptTopic& oldest() noexcept;

  // Whether the last answer was the oldest for certain.
  bool exact() const noexcept;

  static constexpr std::size_t bytes_per_topic = 16;

 private:
  struct Entry {
    std::uint64_t arrival;
    KeptTopic* topic;
  };

  void put(std::size_t place, const Entry& entry) noexcept;
  void sift_up(std::size_t place, const Entry& entry) noexcept;
  void sift_down(std::size_t place, const Entry& entry) noexcept;

  std::deque<Entry> entries_;  // grows without moving what is there
};

}  // namespace zws
