// PatternIndex: the audiences of all patterns with a '*', found by topic without looking at each.
//
// A tree over the segments of the patterns. From each node an event's topic goes on along its own
// next segment and along '*', and meets the patterns that end there in "text*". So a look-up costs
// what the topic's segments cost (and the ways in which patterns mix literal segments and '*' along
// it), not what the number of patterns would.
//
// Thread: its lane only. Lifetime: owns the audiences; a reference is good until its removal.
#pragma once

#include <tsl/hopscotch_map.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "routing/audience.hpp"

namespace zws {

class PatternIndex {
 public:
  PatternIndex();
  ~PatternIndex();

  // The audience of `pattern` (which has a '*'), made if there is none.
  Audience& add(const Pattern& pattern);
  Audience* find(const Pattern& pattern) noexcept;
  void remove(const Pattern& pattern) noexcept;

  // Appends every audience whose pattern matches `topic` (which does not start with '@').
  void match(std::string_view topic, std::vector<Audience*>& out) const;

  std::size_t size() const noexcept { return size_; }

 private:
  struct Node;

  static void match_from(const Node& node, std::string_view rest, std::vector<Audience*>& out);

  std::unique_ptr<Node> root_;
  std::size_t size_ = 0;
};

}  // namespace zws
