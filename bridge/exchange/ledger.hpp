// Ledger: what everyone who remembers topics has in common: which topics subscribers of any lane hold,
// and what the sources take of history.bytes.
//
// A topic with neither subscribers nor history is forgotten. Each lane has a history of its own and
// hears of its own subscribers only, so all of them ask here, and so does the SourceTable. They come
// to one answer, however late each of them looks, because it hangs on times alone: when the topic's
// history ran out, and since when it has been held.
//
// Thread: any. A mutex for each 64th of the names, taken when a lane's first subscriber of a topic
// comes or its last one goes, and by those who look at a topic that has no history left.
// Bound: the subscriptions, which the caller bounds; their memory is theirs and not the history's.
#pragma once

#include <tsl/hopscotch_map.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "core/topic.hpp"
#include "exchange/marks.hpp"
#include "exchange/shards.hpp"

namespace zws {

class Ledger {
 public:
  // What `at` holds where nothing is known, whichever lane is asked.
  const Marks& marks() const noexcept { return marks_; }

  // Subscribers of one more lane hold the topic, from `now` on.
  void pin(std::string_view topic, std::uint64_t hash, SteadyTime now) {
    Part& part = parts_.of(hash);
    const std::lock_guard<std::mutex> lock(part.mutex);
    auto found = part.pins.find(topic, static_cast<std::size_t>(hash));
    if (found == part.pins.end()) found = part.pins.emplace(std::string(topic), Pin{now, 0}).first;
    ++found.value().lanes;
  }

  void unpin(std::string_view topic, std::uint64_t hash) noexcept {
    Part& part = parts_.of(hash);
    const std::lock_guard<std::mutex> lock(part.mutex);
    const auto found = part.pins.find(topic, static_cast<std::size_t>(hash));
    if (found != part.pins.end() && --found.value().lanes == 0) part.pins.erase(found);
  }

  // Whether the topic is held and has been, without a break, since `then` or before.
  bool held_since(std::string_view topic, std::uint64_t hash, SteadyTime then) const noexcept {
    const Part& part = parts_.of(hash);
    const std::lock_guard<std::mutex> lock(part.mutex);
    const auto found = part.pins.find(topic, static_cast<std::size_t>(hash));
    return found != part.pins.end() && found->second.since <= then;
  }

  // What the SourceTable takes; written by the one, read by all.
  void set_source_bytes(std::size_t bytes) noexcept {
    source_bytes_.store(bytes, std::memory_order_relaxed);
  }
  std::size_t source_bytes() const noexcept {
    return source_bytes_.load(std::memory_order_relaxed);
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view topic) const noexcept { return topic_hash(topic); }
  };
  struct Pin {
    SteadyTime since;
    std::uint32_t lanes;
  };
  struct Part {
    mutable std::mutex mutex;
    tsl::hopscotch_map<std::string, Pin, Hash, std::equal_to<>,
                       std::allocator<std::pair<std::string, Pin>>, 30, true>
        pins;
  };

  const Marks marks_;
  Shards<Part> parts_;
  std::atomic<std::size_t> source_bytes_{0};
};

}  // namespace zws
