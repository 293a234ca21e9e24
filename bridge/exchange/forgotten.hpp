// Forgotten: when topics were forgotten last, so that nobody who may have missed something of one is
// told that nothing is missing.
//
// A topic that is forgotten leaves behind by its name when that was, and by the beginnings of its name
// what was heard of it last. Names share slots, so an answer
// may be that of another topic: it is never too early, only too late at times, and then someone who
// missed nothing is told "not recovered".
//
// Thread: one at a time (the exchange's mutex). Memory: 160 KiB, whatever there was to forget, and 128 KiB more
// once some of what is kept is in no archive. To forget takes none, so it does not fail.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/topic.hpp"

namespace zws {

class Forgotten {
 public:
  // Something of the topic was forgotten at `now`; the last that was heard of it arrived as `heard`.
  void note(std::string_view topic, std::uint64_t hash, SteadyTime now,
            std::uint64_t heard) noexcept {
    later(names_[hash % names_.size()], now);
    if (is_reserved(topic)) return;  // no pattern matches these
    each_prefix(topic, [&](std::string_view prefix) { later(prefix_slot(prefix), heard); });
  }

  // Something of the topic was told elsewhere, and not here, before what arrived as `heard`.
  void note_elsewhere(std::string_view topic, std::uint64_t heard) noexcept {
    if (is_reserved(topic)) return;
    each_prefix(topic, [&](std::string_view prefix) { later(prefix_slot(prefix), heard); });
  }
  // The same, of whichever topic.
  void note_elsewhere(std::uint64_t heard) noexcept { later(unkept_, heard); }

  // Something is kept that no archive keeps (exchange/archive.hpp): note_for_good() may come.
  void prepare_for_good() {
    if (for_good_.empty()) for_good_.resize(for_good_slots);
  }

  // Something of it was forgotten at `now` that no archive keeps.
  void note_for_good(std::uint64_t hash, SteadyTime now) noexcept {
    later(for_good_[hash % for_good_.size()], now);
  }

  // When that was last; SteadyTime{} if never.
  SteadyTime for_good(std::uint64_t hash) const noexcept {
    return for_good_.empty() ? SteadyTime{} : for_good_[hash % for_good_.size()];
  }

  // What arrived as `heard` and of which nothing is kept. Cheap, since it may be every event.
  void note_unkept(std::uint64_t hash, SteadyTime now, std::uint64_t heard) noexcept {
    later(names_[hash % names_.size()], now);
    later(unkept_, heard);
  }

  // When something of the topic was forgotten last; SteadyTime{} if never.
  SteadyTime topic(std::uint64_t hash) const noexcept { return names_[hash % names_.size()]; }

  // The arrival number of what was heard last of those topics that are forgotten and begin with
  // `prefix`; 0 if there are none.
  std::uint64_t newest_below(std::string_view prefix) const noexcept {
    std::string_view longest = prefix.substr(0, 0);
    each_prefix(prefix, [&](std::string_view each) { longest = each; });
    return std::max(unkept_, prefixes_[topic_hash(longest) % prefixes_.size()]);
  }

 private:
  static constexpr std::size_t for_good_slots = 16'384;

  static constexpr std::size_t prefix_depth_max = 8;

  // "", "a:", "a:b:" of "a:b:c": where the parts of a name begin, of its first few.
  template <typename Visit>
  static void each_prefix(std::string_view text, Visit&& visit) {
    visit(text.substr(0, 0));
    std::size_t depth = 0;
    for (std::size_t at = 0; depth < prefix_depth_max; ++depth) {
      at = text.find_first_of(".:/", at);
      if (at == std::string_view::npos) return;
      visit(text.substr(0, ++at));
    }
  }

  std::uint64_t& prefix_slot(std::string_view prefix) noexcept {
    return prefixes_[topic_hash(prefix) % prefixes_.size()];
  }

  template <typename Time>
  static void later(Time& slot, Time time) noexcept {
    slot = std::max(slot, time);
  }

  std::vector<SteadyTime> names_ = std::vector<SteadyTime>(16'384);
  std::vector<std::uint64_t> prefixes_ = std::vector<std::uint64_t>(4'096);
  std::vector<SteadyTime> for_good_;  // empty until it is prepared
  std::uint64_t unkept_ = 0;
};

}  // namespace zws
