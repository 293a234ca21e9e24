// RecentList, an LRU list: what is known of topics, in order of who was heard from last.
//
// An `Entry` has the members `older` and `newer`, which are this list's.
//
// Thread: its owner's. Lifetime: borrows; an entry is removed before it dies. Cost: O(1).
#pragma once

#include <cstddef>

namespace zws {

template <typename Entry>
class RecentList {
 public:
  // It counts as the one heard from last.
  void add(Entry& entry) noexcept {
    link_newest(entry);
    ++size_;
  }

  void remove(Entry& entry) noexcept {
    unlink(entry);
    --size_;
  }

  // It was heard from just now.
  void heard(Entry& entry) noexcept {
    if (&entry == newest_) return;
    unlink(entry);
    link_newest(entry);
  }

  Entry* newest() const noexcept { return newest_; }
  Entry* oldest() const noexcept { return oldest_; }
  std::size_t size() const noexcept { return size_; }

  // Goes round all of them: the one where the walk stands, which moves on to the next. Nothing if
  // there is none.
  Entry* walk() noexcept {
    Entry* here = walk_ != nullptr ? walk_ : oldest_;
    if (here != nullptr) walk_ = here->newer;
    return here;
  }

 private:
  void link_newest(Entry& entry) noexcept {
    entry.older = newest_;
    entry.newer = nullptr;
    (newest_ != nullptr ? newest_->newer : oldest_) = &entry;
    newest_ = &entry;
  }

  void unlink(Entry& entry) noexcept {
    if (walk_ == &entry) walk_ = entry.newer;
    (entry.older != nullptr ? entry.older->newer : oldest_) = entry.newer;
    (entry.newer != nullptr ? entry.newer->older : newest_) = entry.older;
  }

  Entry* oldest_ = nullptr;
  Entry* newest_ = nullptr;
  Entry* walk_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace zws
