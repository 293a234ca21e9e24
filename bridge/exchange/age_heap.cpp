#include "exchange/age_heap.hpp"

#include <algorithm>
#include <cassert>

#include "exchange/kept_topic.hpp"

namespace zws {
namespace {

constexpr std::size_t width = 4;  // four entries lie in one cache line
constexpr int looks_max = 64;

}  // namespace

void AgeHeap::add(KeptTopic& topic) {
  assert(topic.age_place == nowhere && !topic.history.empty());
  const Entry entry{topic.history.oldest().arrival, &topic};
  entries_.push_back(entry);
  sift_up(entries_.size() - 1, entry);
}

void AgeHeap::remove(KeptTopic& topic) noexcept {
  const std::size_t place = topic.age_place;
  assert(place < entries_.size() && entries_[place].topic == &topic);
  topic.age_place = nowhere;
  const Entry last = entries_.back();
  entries_.pop_back();
  if (place == entries_.size()) return;
  if (place > 0 && last.arrival < entries_[(place - 1) / width].arrival)
    sift_up(place, last);
  else
    sift_down(place, last);
}

KeptTopic& AgeHeap::oldest() noexcept {
  for (int look = 0; look < looks_max; ++look) {
    const Entry top = entries_.front();
    const std::uint64_t arrival = top.topic->history.oldest().arrival;
    if (arrival == top.arrival) break;
    sift_down(0, {arrival, top.topic});
  }
  return *entries_.front().topic;
}

bool AgeHeap::exact() const noexcept {
  return entries_.front().arrival == entries_.front().topic->history.oldest().arrival;
}

void AgeHeap::put(std::size_t place, const Entry& entry) noexcept {
  entries_[place] = entry;
  entry.topic->age_place = static_cast<std::uint32_t>(place);
}

void AgeHeap::sift_up(std::size_t place, const Entry& entry) noexcept {
  while (place > 0) {
    const std::size_t parent = (place - 1) / width;
    if (entries_[parent].arrival <= entry.arrival) break;
    put(place, entries_[parent]);
    place = parent;
  }
  put(place, entry);
}

void AgeHeap::sift_down(std::size_t place, const Entry& entry) noexcept {
  for (;;) {
    const std::size_t begin = place * width + 1;
    if (begin >= entries_.size()) break;
    const std::size_t end = std::min(begin + width, entries_.size());
    std::size_t least = begin;
    for (std::size_t child = begin + 1; child < end; ++child) {
      if (entries_[child].arrival < entries_[least].arrival) least = child;
    }
    if (entries_[least].arrival >= entry.arrival) break;
    put(place, entries_[least]);
    place = least;
  }
  put(place, entry);
}

}  // namespace zws
