// Policy, a retention class: one rule of what is kept, and the topics that follow it in order of their
// oldest event.
//
// Thread: one at a time (the exchange's mutex). One for each rule that differs; topics of all routes with one rule share it,
// so that expiry can go by age alone.
#pragma once

#include "exchange/age_heap.hpp"
#include "exchange/topic_history.hpp"

namespace zws {

struct Policy {
  Retention retention;
  AgeHeap by_age;            // its topics that hold events
  SteadyTime quiet_until{};  // up to then nothing of theirs gets past its age
  bool in_use = true;        // by a topic, as the last reload saw it
};

}  // namespace zws
