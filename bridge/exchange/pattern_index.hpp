// PatternIndex, a trie: what is held for each pattern with a '*' (a lane's Audience, or the lanes that listen to
// it), found by topic without looking at each pattern.
//
// A tree over the segments of the patterns, kept in tables and not in nodes: what is known of a place
// in it is found by a hash of the steps that lead there. From each place an event's topic goes on along
// its own next segment and along '*', and meets the patterns that end there in "text*". So a look-up
// costs what the topic's segments cost (and the ways in which patterns mix literal segments and '*'
// along it), not what the number of patterns would.
//
// Where a step leads is drawn anew for each index, so that nobody can name two ways that lead to one
// place; a pattern that is found is compared with the topic all the same.
//
// Thread: its owner's. Lifetime: owns what it holds; a reference is good until its removal.
// Memory: a few words for each segment that a pattern does not share, and what is held for it; both are
// given back when it is removed.
#pragma once

#include <tsl/hopscotch_map.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "core/pattern.hpp"

namespace zws {

// `Held` is made of a Pattern and gives it back: pattern(). Instances: pattern_index.cpp.
template <typename Held>
class PatternIndex {
 public:
  PatternIndex();

  // What is held for `pattern` (which has a '*'), made if there is nothing yet.
  Held& add(const Pattern& pattern);
  Held* find(const Pattern& pattern) noexcept;
  void remove(const Pattern& pattern) noexcept;

  // Appends all whose pattern matches `topic` (which does not start with '@'). False, and not all of
  // them, where it would take looking in more than `looks` places.
  bool match(std::string_view topic, std::vector<Held*>& out,
             std::size_t looks = static_cast<std::size_t>(-1)) const;

  std::size_t size() const noexcept { return ends_.size(); }

  // What the tables take, beside what is held.
  std::size_t bytes() const noexcept;

 private:
  // A place at the start of a segment, named by the hash of the steps before it.
  using Place = std::uint64_t;

  struct Known {
    std::uint32_t patterns = 0;  // that go on from here
    std::uint32_t tails = 0;     // of them, those that end here in a text and '*'
  };
  // How many patterns end at a place in a text of `size` and '*'.
  struct TailSize {
    std::uint32_t size;
    std::uint32_t patterns;
  };
  struct SameHash {
    std::size_t operator()(std::uint64_t hash) const noexcept { return hash; }
  };
  template <typename Value>
  using Table = tsl::hopscotch_map<std::uint64_t, Value, SameHash>;

  // Where a pattern ends: the hash of its whole way. It is looked for by the pattern's text, or by a
  // topic that it is to match.
  struct End {
    std::uint64_t hash;
    const Held* held;
  };
  struct Named {
    std::uint64_t hash;
    std::string_view text;
  };
  struct Matching {
    std::uint64_t hash;
    std::string_view topic;
  };
  struct EndHash {
    using is_transparent = void;
    template <typename Any>
    std::size_t operator()(const Any& end) const noexcept {
      return end.hash;
    }
  };
  struct SameEnd {
    using is_transparent = void;
    bool operator()(const End& a, const End& b) const noexcept { return a.held == b.held; }
    bool operator()(const End& a, const Named& b) const noexcept {
      return a.hash == b.hash && a.held->pattern().text() == b.text;
    }
    bool operator()(const End& a, const Matching& b) const noexcept {
      return a.hash == b.hash && a.held->pattern().matches(b.topic);
    }
    bool operator()(const Named& a, const End& b) const noexcept { return (*this)(b, a); }
    bool operator()(const Matching& a, const End& b) const noexcept { return (*this)(b, a); }
  };

  struct Way {
    Place place;            // its last one
    std::string_view rest;  // what the pattern asks for behind it, without a '*' at the end
    bool tail;              // there is one
  };
  // Goes the way of a pattern: calls `at` with each place on it.
  template <typename At>
  Way walk(const Pattern& pattern, At&& at) const;

  Place step(Place from, std::string_view literal) const noexcept;
  Place step_any(Place from, char separator) const noexcept;
  std::uint64_t end_of(Place place, std::string_view rest, bool tail) const noexcept;
  static std::uint64_t end_of(std::uint64_t tail, char stop) noexcept;
  std::uint64_t end_of(const Way& way, char stop) const noexcept;
  // A topic on its way: where in it `rest` begins, what it has met, and how often it may still look.
  struct Search {
    std::string_view topic;
    std::vector<Held*>& out;
    std::size_t looks_left;
  };
  bool match_from(Place place, const Known& known, std::string_view rest, Search& search) const;
  bool match_tails(Place place, std::string_view rest, Search& search) const;
  bool add_matching(std::uint64_t end, Search& search) const;
  void count_tail(Place place, std::size_t size, bool added);

  const std::uint64_t seed_;
  std::size_t stopping_ = 0;  // patterns with a stop
  Table<Known> places_;
  Table<std::vector<TailSize>> tail_sizes_;  // of places with tails
  tsl::hopscotch_map<End, std::unique_ptr<Held>, EndHash, SameEnd> ends_;
};

}  // namespace zws
