// Pins: how many hold on to a topic, whether it has been heard of or not.
//
// Thread: its lane only. Bound: the subscriptions that pin, which the caller bounds; their memory is
// theirs and not the History's.
#pragma once

#include <tsl/hopscotch_map.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "core/topic.hpp"
#include "history/shards.hpp"

namespace zws {

class Pins {
 public:
  bool has(std::string_view topic, std::uint64_t hash) const noexcept {
    const Counts& counts = counts_.of(hash);
    return counts.find(topic, static_cast<std::size_t>(hash)) != counts.end();
  }

  void add(std::string_view topic, std::uint64_t hash) {
    Counts& counts = counts_.of(hash);
    auto found = counts.find(topic, static_cast<std::size_t>(hash));
    if (found == counts.end()) found = counts.emplace(std::string(topic), 0).first;
    ++found.value();
  }

  // True if that was the last.
  bool remove(std::string_view topic, std::uint64_t hash) noexcept {
    Counts& counts = counts_.of(hash);
    const auto found = counts.find(topic, static_cast<std::size_t>(hash));
    if (found == counts.end() || --found.value() > 0) return false;
    counts.erase(found);
    return true;
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view topic) const noexcept { return topic_hash(topic); }
  };
  using Counts =
      tsl::hopscotch_map<std::string, std::uint32_t, Hash, std::equal_to<>,
                         std::allocator<std::pair<std::string, std::uint32_t>>, 30, true>;

  Shards<Counts> counts_;
};

}  // namespace zws
