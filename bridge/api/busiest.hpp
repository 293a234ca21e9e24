// Busiest: which topics and patterns of a lane have had most events, looked for a slice at a time, with the
// lane's other work in between.
//
// Thread: a value, of the lane that works. Memory: as many names as are asked for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "api/slice.hpp"

namespace zws {

class Busiest {
 public:
  explicit Busiest(std::size_t count) : count_(count) {}

  // Looks at some of what `router` has; true if there are more. `names` are complete when there are not, in no order.
  template <typename Router>
  bool some(const Router& router, Slice& slice, std::vector<std::string>& names) {
    const std::string* last = nullptr;
    const bool more = router.each_after(after_, [&](const std::string& name, std::uint64_t events) {
      last = &name;
      offer(name, events);
      return !slice.over();
    });
    if (last != nullptr) after_ = *last;
    if (more) return true;
    for (auto& each : most_) names.push_back(std::move(each.second));
    return false;
  }

 private:
  using Row = std::pair<std::uint64_t, std::string>;  // how many events, and the name

  static bool more_events(const Row& a, const Row& b) noexcept { return a.first > b.first; }

  // The one with the fewest stands in front, to be pushed out.
  void offer(const std::string& name, std::uint64_t events) {
    if (most_.size() == count_) {
      if (events <= most_.front().first) return;
      std::pop_heap(most_.begin(), most_.end(), more_events);
      most_.pop_back();
    }
    most_.emplace_back(events, name);
    std::push_heap(most_.begin(), most_.end(), more_events);
  }

  std::size_t count_;
  std::string after_;
  std::vector<Row> most_;
};

}  // namespace zws
