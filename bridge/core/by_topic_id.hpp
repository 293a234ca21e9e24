// ByTopicId: an array, indexed by topic id, of what a table holds of each topic. A hash table's bucket is
// a cache miss for each event; these entries lie side by side.
//
// A number may come to stand for another topic. So whoever asks compares names, and looks the name up
// where they differ.
//
// An `Entry` has a member `topic_id`, which is this table's alone.
//
// Thread: its owner's. Lifetime: borrows; an entry is dropped before it dies.
// Bound: limits.topics + 1 slots, since the exchange gives the ids of forgotten topics first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/event.hpp"

namespace zws {

template <typename Entry>
class ByTopicId {
 public:
  // Nothing if none was put there.
  Entry* at(std::uint32_t id) const noexcept {
    return id < entries_.size() ? entries_[id] : nullptr;
  }

  // Under this number from now on, and under no other.
  void put(std::uint32_t id, Entry& entry) {
    if (id == Event::no_topic_id) return;
    if (id >= entries_.size()) entries_.resize(id + 1);
    drop(entry);
    entries_[id] = &entry;
    entry.topic_id = id;
  }

  void drop(const Entry& entry) noexcept {
    if (at(entry.topic_id) == &entry) entries_[entry.topic_id] = nullptr;
  }

  std::size_t bytes() const noexcept { return entries_.capacity() * sizeof(Entry*); }

 private:
  std::vector<Entry*> entries_;
};

}  // namespace zws
