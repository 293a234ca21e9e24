// TopicTable: all topics of the history: by name, in order of name, in order of who was heard from last.
//
// Thread: one at a time (the exchange's mutex). Lifetime: owns the topics; a reference is good until remove().
// Cost: find() and heard() O(1); add() and remove() O(log n), without a stall when tables grow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/by_topic_id.hpp"
#include "core/recent_rate.hpp"
#include "exchange/age_heap.hpp"
#include "exchange/topic_history.hpp"
#include "exchange/topic_index.hpp"

namespace zws {

struct Policy;

struct Topic {
  using ByName = std::map<std::string_view, std::unique_ptr<Topic>>;

  std::string name;
  std::uint64_t hash = 0;
  std::uint32_t topic_id = Event::no_topic_id;
  TopicHistory history;
  Policy* policy = nullptr;                    // which rule holds; the History's
  std::uint32_t age_place = AgeHeap::nowhere;  // in the policy's heap
  std::uint64_t heard = 0;                     // arrival number of what was heard last
  std::uint64_t events = 0;                    // that came since it is known
  RecentRate rate;                             // of them
  SteadyTime end{};                            // when its history runs out, or has run out
  SteadyTime filled_until{};                   // until then who had it filled in may come for it
  bool kept_here_only = false;                 // something of it was: no archive keeps it
  std::uint64_t question = 0;                  // number of the last question it was part of
  Topic* older = nullptr;                      // heard from before this one
  Topic* newer = nullptr;
  ByName::iterator in_names;
};

class TopicTable {
 public:
  // Nothing if the topic is not known. `hash` is topic_hash(name).
  Topic* find(std::string_view name, std::uint64_t hash) const noexcept {
    return index_.find(name, hash);
  }

  // The same for an event's topic, and faster after the first one.
  Topic* find(const Event& event) {
    Topic* noted = by_id_.at(event.topic_id());
    if (noted != nullptr && noted->name == event.topic()) return noted;
    Topic* found = find(event.topic(), event.topic_hash());
    if (found != nullptr) by_id_.put(event.topic_id(), *found);
    return found;
  }

  // A topic that is not known yet; it counts as the one heard from last.
  Topic& add(std::string_view name, std::uint64_t hash);

  void remove(Topic& topic) noexcept;

  // The topic was heard from just now.
  void heard(Topic& topic) noexcept { index_.heard(topic); }

  Topic* newest() const noexcept { return index_.newest(); }
  Topic* oldest() const noexcept { return index_.oldest(); }

  // Goes round all topics, one a call.
  Topic* walk() noexcept { return index_.walk(); }

  Topic::ByName& names() noexcept { return names_; }
  const Topic::ByName& names() const noexcept { return names_; }

  std::size_t size() const noexcept { return index_.size(); }
  // How many of them are the bridge's own (@all, ...).
  std::size_t reserved() const noexcept { return reserved_; }

  // Gives back memory of a time with far more topics; a bounded piece of it per call.
  void shrink() { index_.shrink(); }

  // The same all at once. Cost: O(topics).
  void shrink_all() { index_.shrink_all(); }

  // What the table takes, the topics themselves included, their histories not.
  std::size_t bytes() const noexcept { return topics_bytes_ + index_.bytes() + by_id_.bytes(); }

 private:
  static std::size_t bytes_of(const Topic& topic) noexcept;

  Topic::ByName names_;
  TopicIndex<Topic> index_;
  ByTopicId<Topic> by_id_;
  std::size_t topics_bytes_ = 0;
  std::size_t reserved_ = 0;
};

}  // namespace zws
