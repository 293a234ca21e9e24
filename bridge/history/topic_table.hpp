// TopicTable: all topics of a lane: by name, in order of name, in order of who was heard from last.
//
// Thread: its lane only. Lifetime: owns the topics; a reference is good until remove().
// Cost: find() and heard() O(1); add() and remove() O(log n), without a stall when tables grow.
#pragma once

#include <tsl/hopscotch_set.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "history/age_heap.hpp"
#include "history/shards.hpp"
#include "history/topic_history.hpp"

namespace zws {

struct Policy;

struct Topic {
  using ByName = std::map<std::string_view, std::unique_ptr<Topic>>;

  std::string name;
  std::uint64_t hash = 0;
  TopicHistory history;
  Policy* policy = nullptr;                    // which rule holds; the History's
  std::uint32_t age_place = AgeHeap::nowhere;  // in the policy's heap
  std::uint64_t heard = 0;                     // arrival number of what was heard last
  std::uint64_t question = 0;                  // number of the last question it was part of
  Topic* older = nullptr;                      // heard from before this one
  Topic* newer = nullptr;
  ByName::iterator in_names;
};

class TopicTable {
 public:
  // Nothing if the topic is not known. `hash` is topic_hash(name).
  Topic* find(std::string_view name, std::uint64_t hash) noexcept;

  // A topic that is not known yet; it counts as the one heard from last.
  Topic& add(std::string_view name, std::uint64_t hash);

  void remove(Topic& topic) noexcept;

  // The topic was heard from just now.
  void heard(Topic& topic) noexcept;

  Topic* newest() noexcept { return newest_; }
  Topic* oldest() noexcept { return oldest_; }

  Topic::ByName& names() noexcept { return names_; }
  const Topic::ByName& names() const noexcept { return names_; }

  std::size_t size() const noexcept { return names_.size(); }

  // Gives back memory of a time with far more topics; a bounded piece of it per call.
  void shrink();

  // What the table takes, the topics themselves included, their histories not.
  std::size_t bytes() const noexcept { return topics_bytes_ + index_bytes_; }

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
  using Index = tsl::hopscotch_set<Topic*, ByHash, SameName, std::allocator<Topic*>, 30, true>;

  static std::size_t bytes_of(const Index& index) noexcept;
  static std::size_t bytes_of(const Topic& topic) noexcept;
  void link_newest(Topic& topic) noexcept;
  void unlink(Topic& topic) noexcept;

  Topic::ByName names_;
  Shards<Index> index_;
  std::size_t topics_bytes_ = 0;
  std::size_t index_bytes_ = 0;
  Topic* oldest_ = nullptr;
  Topic* newest_ = nullptr;
};

}  // namespace zws
