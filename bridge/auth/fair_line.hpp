// FairLine: what waits to be done one after the other, so that whoever brings much waits behind his own and
// nobody else does: of all who have something in it each has one done in turn.
//
// Thread: one at a time. Bound: the caller's.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <utility>

namespace zws {

template <typename Item>
class FairLine {
 public:
  bool empty() const noexcept { return turns_.empty(); }

  // All or nothing.
  void push(const std::string& from, Item item) {
    const auto [line, fresh] = lines_.try_emplace(from);
    try {
      line->second.push_back(std::move(item));
      if (fresh) turns_.push_back(line);
    } catch (...) {
      if (fresh) lines_.erase(line);  // else it would wait for a turn that it does not have
      throw;
    }
  }

  // The next; there is one.
  Item pop() {
    const auto line = turns_.front();
    Item item = std::move(line->second.front());
    line->second.pop_front();
    turns_.pop_front();
    if (line->second.empty()) {
      lines_.erase(line);
    } else {
      turns_.push_back(line);
    }
    return item;
  }

  void clear() noexcept {
    turns_.clear();
    lines_.clear();
  }

 private:
  using Lines = std::map<std::string, std::deque<Item>>;

  Lines lines_;                                 // none is empty
  std::deque<typename Lines::iterator> turns_;  // each once
};

}  // namespace zws
