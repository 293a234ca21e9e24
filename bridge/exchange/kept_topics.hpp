// KeptTopics: all topics that the history keeps something of: in order of name, in order of who was heard from
// last.
//
// Thread: one at a time (the exchange's mutex). Lifetime: makes and drops what the topics' records hold of it; a
// reference is good until remove(). `topics` outlives it.
// Cost: find() and heard() O(1); add() and remove() O(log n), without a stall when tables grow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "exchange/kept_topic.hpp"
#include "exchange/recent_list.hpp"
#include "exchange/topics.hpp"

namespace zws {

class KeptTopics {
 public:
  explicit KeptTopics(Topics& topics) noexcept : topics_(topics) {}
  ~KeptTopics();
  KeptTopics(const KeptTopics&) = delete;
  KeptTopics& operator=(const KeptTopics&) = delete;

  // Nothing if nothing is kept of the topic. `hash` is topic_hash(name).
  KeptTopic* find(std::string_view name, std::uint64_t hash) const noexcept {
    const Topic* record = topics_.find(name, hash);
    return record == nullptr ? nullptr : record->kept.get();
  }

  // A topic that it does not have yet; it counts as the one heard from last.
  KeptTopic& add(std::string_view name, std::uint64_t hash);

  void remove(KeptTopic& topic) noexcept;

  // The topic was heard from just now.
  void heard(KeptTopic& topic) noexcept { recent_.heard(topic); }

  KeptTopic* newest() const noexcept { return recent_.newest(); }
  KeptTopic* oldest() const noexcept { return recent_.oldest(); }

  // Goes round all topics, one a call.
  KeptTopic* walk() noexcept { return recent_.walk(); }

  KeptTopic::ByName& names() noexcept { return names_; }
  const KeptTopic::ByName& names() const noexcept { return names_; }

  std::size_t size() const noexcept { return recent_.size(); }
  // How many of them are the bridge's own (@all, ...).
  std::size_t reserved() const noexcept { return reserved_; }

  // What they take, with the records that are the history's, without their histories.
  std::size_t bytes() const noexcept { return size() * bytes_each + topics_.bytes_of_history(); }

 private:
  static const std::size_t bytes_each;

  Topics& topics_;
  KeptTopic::ByName names_;
  RecentList<KeptTopic> recent_;
  std::size_t reserved_ = 0;
};

}  // namespace zws
