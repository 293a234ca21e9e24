// TopicIndex: topics by name, and in order of who was heard from last. It owns none of them.
//
// A `Topic` has the members `name`, `hash` (its topic_hash), `older` and `newer`.
//
// Thread: its owner's. Lifetime: borrows; a topic is removed before it dies.
// Cost: O(1), without a stall when the table grows.
#pragma once

#include <tsl/hopscotch_set.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "exchange/heap_bytes.hpp"
#include "exchange/shards.hpp"

namespace zws {

template <typename Topic>
class TopicIndex {
 public:
  // Nothing if the topic is not known. `hash` is topic_hash(name).
  Topic* find(std::string_view name, std::uint64_t hash) const noexcept {
    // Producers often go round their topics. So the topic that followed this one last time is tried
    // first: where that is right it spares the bucket, which is a cache miss.
    if (expected_ != nullptr && expected_->hash == hash && expected_->name == name)
      return expected_;
    const Table& table = tables_.of(hash);
    const auto found = table.find(name, static_cast<std::size_t>(hash));
    return found == table.end() ? nullptr : *found;
  }

  // A topic that is not known yet; it counts as the one heard from last.
  void add(Topic& topic) {
    Table& table = tables_.of(topic.hash);
    const std::size_t before = bytes_of(table);
    table.insert(&topic);
    bytes_ += bytes_of(table) - before;
    link_newest(topic);
    ++size_;
  }

  void remove(Topic& topic) noexcept {
    if (expected_ == &topic) expected_ = nullptr;
    unlink(topic);
    tables_.of(topic.hash).erase(&topic);
    --size_;
  }

  // The topic was heard from just now.
  void heard(Topic& topic) noexcept {
    if (&topic == newest_) return;
    expected_ = topic.newer;
    unlink(topic);
    link_newest(topic);
  }

  Topic* newest() const noexcept { return newest_; }
  Topic* oldest() const noexcept { return oldest_; }
  std::size_t size() const noexcept { return size_; }

  // Goes round all topics: the one where the walk stands, which moves on to the next. Nothing if
  // there is none.
  Topic* walk() noexcept {
    Topic* here = walk_ != nullptr ? walk_ : oldest_;
    if (here != nullptr) walk_ = here->newer;
    return here;
  }

  // Gives back memory of a time with far more topics; a bounded piece of it per call.
  void shrink() {
    int left = 4;
    for (Table& table : tables_) {
      if (table.bucket_count() < 64 || table.size() * 8 > table.bucket_count()) continue;
      const std::size_t before = bytes_of(table);
      table.rehash(0);
      bytes_ += bytes_of(table) - before;
      if (--left == 0) return;
    }
  }

  // The same all at once. Cost: O(topics).
  void shrink_all() {
    for (Table& table : tables_) {
      const std::size_t before = bytes_of(table);
      table.rehash(0);
      bytes_ += bytes_of(table) - before;
    }
  }

  // What the index takes beside the topics.
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  struct ByHash {
    using is_transparent = void;
    std::size_t operator()(const Topic* topic) const noexcept { return topic->hash; }
    std::size_t operator()(std::string_view) const noexcept { return 0; }  // always given
  };
  struct SameName {
    using is_transparent = void;
    bool operator()(const Topic* a, const Topic* b) const noexcept { return a == b; }
    bool operator()(const Topic* a, std::string_view b) const noexcept { return a->name == b; }
    bool operator()(std::string_view a, const Topic* b) const noexcept { return a == b->name; }
  };
  // The hash is kept beside the pointer: a look-up touches the one topic it finds, growing none.
  using Table = tsl::hopscotch_set<Topic*, ByHash, SameName, std::allocator<Topic*>, 30, true>;

  static std::size_t bytes_of(const Table& table) noexcept {
    // A bucket: what lies in the neighbourhood, the hash, the pointer.
    return table.bucket_count() == 0 ? 0 : heap_bytes((table.bucket_count() + 29) * 16);
  }

  void link_newest(Topic& topic) noexcept {
    topic.older = newest_;
    topic.newer = nullptr;
    (newest_ != nullptr ? newest_->newer : oldest_) = &topic;
    newest_ = &topic;
  }

  void unlink(Topic& topic) noexcept {
    if (walk_ == &topic) walk_ = topic.newer;
    (topic.older != nullptr ? topic.older->newer : oldest_) = topic.newer;
    (topic.newer != nullptr ? topic.newer->older : newest_) = topic.older;
  }

  Shards<Table> tables_;
  std::size_t bytes_ = 0;
  std::size_t size_ = 0;
  Topic* oldest_ = nullptr;
  Topic* newest_ = nullptr;
  Topic* expected_ = nullptr;
  Topic* walk_ = nullptr;
};

}  // namespace zws
