// RouteTable: which [[route]] a topic takes, with the defaults filled in.
//
// Thread: immutable after construction. The first route whose pattern matches applies, whole.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace zws {

struct Route {
  EventFormat format = EventFormat::automatic;
  std::size_t history = 0;  // events kept
  Duration ttl{};
  std::size_t replay = 0;  // sent at a first subscribe
  Overflow overflow = Overflow::drop_oldest;
  std::string key;                 // payload member that is the conflation key
  std::string match;               // the pattern of its [[route]]; empty where none applies
  std::optional<Duration> expect;  // a source silent for longer is told

  friend bool operator==(const Route& a, const Route& b) noexcept {
    return a.format == b.format && a.history == b.history && a.ttl == b.ttl &&
           a.replay == b.replay && a.overflow == b.overflow && a.key == b.key &&
           a.match == b.match && a.expect == b.expect;
  }
};

class RouteTable {
 public:
  explicit RouteTable(const Config& config);

  // Cost: one pattern match per route until one fits; callers remember the answer per topic.
  // The reference lives as long as the table.
  const Route& match(std::string_view topic) const noexcept;

  // The largest `replay` of any route.
  std::size_t replay_max() const noexcept { return replay_max_; }

  // Whether every topic takes the same route by both.
  friend bool operator==(const RouteTable& a, const RouteTable& b) noexcept {
    return a.fallback_ == b.fallback_ && a.entries_ == b.entries_;
  }

 private:
  struct Entry {
    Pattern match;
    Route route;

    friend bool operator==(const Entry& a, const Entry& b) noexcept {
      return a.match == b.match && a.route == b.route;
    }
  };

  std::vector<Entry> entries_;
  Route fallback_;
  std::size_t replay_max_ = 0;
};

}  // namespace zws
