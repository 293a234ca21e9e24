// KeptTopic: what the history keeps of a topic, and knows about it.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>

#include "core/clock.hpp"
#include "core/recent_rate.hpp"
#include "exchange/age_heap.hpp"
#include "exchange/topic_history.hpp"

namespace zws {

struct Policy;
class Topic;

struct KeptTopic {
  using ByName = std::map<std::string_view, KeptTopic*>;

  Topic* record = nullptr;  // that it hangs on
  TopicHistory history;
  Policy* policy = nullptr;                    // which rule holds; the History's
  std::uint32_t age_place = AgeHeap::nowhere;  // in the policy's heap
  bool kept_here_only = false;                 // something of it was: no archive keeps it
  std::uint64_t heard = 0;                     // arrival number of what was heard last
  std::uint64_t events = 0;                    // that came since it is known
  RecentRate rate;                             // of them
  SteadyTime end{};                            // when its history runs out, or has run out
  SteadyTime filled_until{};                   // until then who had it filled in may come for it
  std::uint64_t question = 0;                  // number of the last question it was part of
  KeptTopic* older = nullptr;                  // heard from before this one
  KeptTopic* newer = nullptr;
  ByName::iterator in_names;
};

}  // namespace zws
