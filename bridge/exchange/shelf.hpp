// Shelf, the store of the history: all topics with the events retained of each, never more than the
// bounds allow. What evicts events and forgets topics is here.
//
// Thread: one at a time (the exchange's mutex). Lifetime: a KeptTopic& is good until the next call that
// is not const; within one question, `now` is read once, so that looking at one topic twice moves nothing.
// Cost: record() amortised O(1), for a topic not known yet O(log topics).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "config/route_table.hpp"
#include "core/pattern.hpp"
#include "core/topic.hpp"
#include "exchange/discarded.hpp"
#include "exchange/forgotten.hpp"
#include "exchange/kept_topics.hpp"
#include "exchange/past.hpp"
#include "exchange/policy.hpp"

namespace zws {

class Shelf {
 public:
  // `topics` outlives the shelf.
  Shelf(ConfigPtr config, Topics& topics);

  // The bridge's own sources: their names begin so.
  void set_own_source(std::string_view name) { own_source_ = name; }

  // `topic`: the record of the event's topic, if there is one.
  void record(const EventPtr& event, Topic* topic);

  // See History::fill().
  bool fill(const Past& past, const std::vector<std::uint64_t>& heard, SteadyTime now);

  // See History::heard_elsewhere().
  void heard_elsewhere() noexcept { forgotten_.note_elsewhere(arrivals_); }

  // The topic as it stands at `now`; nothing if it is not known, or no longer.
  KeptTopic* look_up(std::string_view name, SteadyTime now);
  KeptTopic* look_up(KeptTopic& topic, SteadyTime now);

  // Shows the topics that `pattern` matches, in order of name, until `visit` returns false. Each name
  // looked at takes one of `looks_left`; says false where they do not suffice.
  template <typename Visit>
  bool each_match(const Pattern& pattern, SteadyTime now, std::size_t& looks_left, Visit&& visit);

  // Drops what is past its age, and gives memory back: a bounded piece of work.
  void sweep(SteadyTime now);

  // Drops what is past its age, whichever topic's: a bounded piece of it. False: there may be more.
  bool expire(SteadyTime now, int steps = 1'000);

  // The topic has lost its subscribers.
  void let_go(std::string_view name) noexcept;

  // Cost: O(topics) where routes, history.size, history.ttl or limits.sources_per_topic are others; else
  // no more than what it forgets, where there is less room now.
  void reload(ConfigPtr config, SteadyTime now);

  const Forgotten& forgotten() const noexcept { return forgotten_; }
  // A moment not before anything was forgotten, and before whatever events to come will have forgotten.
  SteadyTime moment(SteadyTime now) noexcept { return now_ = std::max(now_, now); }

  const Config& config() const noexcept { return *config_; }
  KeptTopics& topics() noexcept { return topics_; }
  const KeptTopics& topics() const noexcept { return topics_; }

  std::size_t bytes() const noexcept {
    return event_bytes_ + bookkeeping_bytes_ + topics_.bytes() + discarded_.bytes() +
           std::min(records_.source_bytes(), source_bytes_max(*config_));
  }

  // What the sources may have of history.bytes.
  static std::size_t source_bytes_max(const Config& config) noexcept {
    return config.history.bytes / 4;
  }

 private:
  class Account;

  KeptTopic* take_up(const Event& event, Topic* record);
  Policy& policy_for(std::string_view topic);
  void retain_anew(SteadyTime now);

  bool held(const KeptTopic& topic) const noexcept;

  // After events of `topic` came or went: in its heap or not, known or forgotten. False: forgotten.
  bool settle(KeptTopic& topic);
  void forget(KeptTopic& topic) noexcept;
  void note_forgotten(const KeptTopic& topic) noexcept;

  void drop_oldest(KeptTopic& topic);
  bool drop_oldest_event();
  void keep_within_bounds();

  ConfigPtr config_;
  Topics& records_;
  std::string own_source_ = "*";  // until it is set no source is
  RouteTable routes_;
  KeptTopics topics_;
  std::vector<std::unique_ptr<Policy>> policies_;
  std::size_t event_bytes_ = 0;
  std::size_t bookkeeping_bytes_ = 0;
  // What comes is numbered upwards from here, and what is filled in downwards.
  static constexpr std::uint64_t arrivals_begin = std::uint64_t{1} << 48;

  std::uint64_t arrivals_ = arrivals_begin;
  std::uint64_t filled_ = arrivals_begin;
  SteadyTime now_{};  // the latest that anybody told; each event comes later than what was before
  Forgotten forgotten_;
  Discarded discarded_;
};

template <typename Visit>
bool Shelf::each_match(const Pattern& pattern, SteadyTime now, std::size_t& looks_left,
                       Visit&& visit) {
  // All that a pattern matches begins with what stands before its first '*'.
  const std::string_view prefix =
      std::string_view(pattern.text()).substr(0, pattern.text().find('*'));
  auto& names = topics_.names();
  for (auto next = names.lower_bound(prefix); next != names.end();) {
    const auto here = next++;
    if (here->first.substr(0, prefix.size()) != prefix) break;
    if (looks_left == 0) return false;
    --looks_left;
    if (is_reserved(here->first)) {  // no pattern matches these, and they lie together
      next = names.lower_bound("A");
      continue;
    }
    if (!pattern.matches(here->first)) continue;
    KeptTopic* topic = look_up(*here->second, now);
    if (topic != nullptr && !visit(*topic)) break;
  }
  return true;
}

}  // namespace zws
