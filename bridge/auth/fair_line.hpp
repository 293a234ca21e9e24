// FairLine: what waits to be done one after the other, so that whoever brings much waits behind his own and
// nobody else does: of all who have something in it each has one done in turn.
//
// Thread: one at a time. Bound: the caller's.
#pragma once

#include <list>
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
    if (line->second.empty()) {
      turns_.pop_front();
      lines_.erase(line);
    } else {
      turns_.splice(turns_.end(), turns_, turns_.begin());
    }
    return item;
  }

  // All that waits in the other one waits in this one, which needs no memory.
  void take_all(FairLine& other) noexcept {
    while (!other.turns_.empty()) {
      const auto its = other.turns_.front();
      const auto mine = lines_.find(its->first);
      if (mine == lines_.end()) {
        turns_.splice(turns_.end(), other.turns_, other.turns_.begin());
        turns_.back() = lines_.insert(other.lines_.extract(its)).position;
      } else {
        mine->second.splice(mine->second.end(), its->second);
        other.lines_.erase(its);
        other.turns_.pop_front();
      }
    }
  }

  void clear() noexcept {
    turns_.clear();
    lines_.clear();
  }

 private:
  using Lines = std::map<std::string, std::list<Item>>;

  Lines lines_;                                // none is empty
  std::list<typename Lines::iterator> turns_;  // each once
};

}  // namespace zws
