// Positions: how far a listener has come on each topic, so that after a break it gets what it missed.
// The rules are those of docs/CLIENTS.md, "Resuming".
//
// Thread: one. Bound: the topics that were named, and of those that patterns brought the 256 heard
// last; 256 sources of each.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zws::tool {

class Positions {
 public:
  explicit Positions(const std::vector<std::string>& names);

  void event(const std::string& topic, std::string_view position);
  void gap(const nlohmann::json& gap);
  // The answer for a topic. That for a pattern names no positions: its events bring them.
  void subscribed(const nlohmann::json& answer);

  // The JSON value of `since` for a name or pattern that is subscribed to again; empty: none.
  std::string since(const std::string& name) const;

 private:
  using Sequences = std::map<std::string, std::uint64_t>;  // by source
  struct Topic {
    std::string name;
    Sequences reached;
    std::optional<Sequences> live;  // where live events begin; taken up when the replay has come
    std::int64_t awaited = 0;       // events of a replay still to come
  };

  Topic& topic(const std::string& name);
  static void move(Topic& topic, const std::string& source, std::uint64_t sequence,
                   std::int64_t count);
  static void take_up(Topic& topic);

  const std::vector<std::string> names_;
  std::list<Topic> topics_;  // the one heard last at the end
};

}  // namespace zws::tool
