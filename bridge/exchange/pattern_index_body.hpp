// The body of PatternIndex, for the one file that makes it for what a room keeps with each pattern
// (pattern_lanes.cpp, audience.cpp).
#pragma once

#include <algorithm>
#include <cstring>
#include <random>

#include "exchange/pattern_index.hpp"

namespace zws {
namespace pattern_steps {

// The first segment of `text` with the separator that ends it, if one does.
inline std::string_view first_step(std::string_view text) noexcept {
  const auto end = std::find_if(text.begin(), text.end(), is_separator);
  return text.substr(0, static_cast<std::size_t>(end - text.begin()) + (end != text.end() ? 1 : 0));
}

inline bool ends_in_separator(std::string_view step) noexcept {
  return !step.empty() && is_separator(step.back());
}

inline bool is_any(std::string_view step) noexcept { return step.size() == 2 && step[0] == '*'; }

inline std::uint64_t mix(std::uint64_t value) noexcept {  // the finaliser of splitmix64
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31);
}

inline std::uint64_t draw_seed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

// Gives back the memory of a time with far more entries.
template <typename Map>
void shrink(Map& map) {
  if (map.bucket_count() >= 64 && map.size() * 8 <= map.bucket_count()) map.rehash(0);
}

}  // namespace pattern_steps

template <typename Held>
PatternIndex<Held>::PatternIndex() : seed_(pattern_steps::draw_seed()) {}

template <typename Held>
typename PatternIndex<Held>::Place PatternIndex<Held>::step(
    Place from, std::string_view literal) const noexcept {
  std::uint64_t hash = from + literal.size();
  while (!literal.empty()) {
    std::uint64_t word = 0;
    const std::size_t size = std::min(literal.size(), sizeof word);
    std::memcpy(&word, literal.data(), size);
    hash = pattern_steps::mix(hash ^ word);
    literal.remove_prefix(size);
  }
  return pattern_steps::mix(hash);
}

template <typename Held>
typename PatternIndex<Held>::Place PatternIndex<Held>::step_any(Place from,
                                                                char separator) const noexcept {
  return pattern_steps::mix(from ^
                            pattern_steps::mix(~seed_ + static_cast<unsigned char>(separator)));
}

template <typename Held>
std::uint64_t PatternIndex<Held>::end_of(Place place, std::string_view rest,
                                         bool tail) const noexcept {
  return pattern_steps::mix(step(place, rest) + (tail ? ~seed_ : seed_));
}

template <typename Held>
template <typename At>
typename PatternIndex<Held>::Way PatternIndex<Held>::walk(const Pattern& pattern, At&& at) const {
  Place place = seed_;
  std::string_view rest = pattern.text();
  at(place);
  for (std::string_view next = pattern_steps::first_step(rest);
       pattern_steps::ends_in_separator(next); next = pattern_steps::first_step(rest)) {
    place = pattern_steps::is_any(next) ? step_any(place, next[1]) : step(place, next);
    at(place);
    rest.remove_prefix(next.size());
  }
  const bool tail = !rest.empty() && rest.back() == '*';
  if (tail) rest.remove_suffix(1);
  return {place, rest, tail};
}

// Patterns of one text that stop elsewhere end in places of their own.
template <typename Held>
std::uint64_t PatternIndex<Held>::end_of(std::uint64_t tail, char stop) noexcept {
  return stop == 0 ? tail : pattern_steps::mix(tail + static_cast<unsigned char>(stop));
}

template <typename Held>
std::uint64_t PatternIndex<Held>::end_of(const Way& way, char stop) const noexcept {
  return end_of(end_of(way.place, way.rest, way.tail), stop);
}

template <typename Held>
Held* PatternIndex<Held>::find(const Pattern& pattern) noexcept {
  const Way way = walk(pattern, [](Place) {});
  const auto found = ends_.find(Named{end_of(way, pattern.stop()), pattern.text()});
  return found == ends_.end() ? nullptr : found->second.get();
}

template <typename Held>
Held& PatternIndex<Held>::add(const Pattern& pattern) {
  if (Held* known = find(pattern)) return *known;
  const Way way = walk(pattern, [&](Place place) { ++places_[place].patterns; });
  if (way.tail) count_tail(way.place, way.rest.size(), true);
  auto made = std::make_unique<Held>(pattern);
  Held& held = *made;
  if (pattern.stop() != 0) ++stopping_;
  ends_.emplace(End{end_of(way, pattern.stop()), &held}, std::move(made));
  return held;
}

template <typename Held>
void PatternIndex<Held>::remove(const Pattern& pattern) noexcept {
  const Way way = walk(pattern, [](Place) {});
  if (way.tail) count_tail(way.place, way.rest.size(), false);
  walk(pattern, [&](Place place) {
    const auto known = places_.find(place);
    if (--known.value().patterns == 0) places_.erase(known);
  });
  if (pattern.stop() != 0) --stopping_;
  ends_.erase(ends_.find(Named{end_of(way, pattern.stop()), pattern.text()}));
  pattern_steps::shrink(ends_);
  pattern_steps::shrink(places_);
  pattern_steps::shrink(tail_sizes_);
}

template <typename Held>
void PatternIndex<Held>::count_tail(Place place, std::size_t size, bool added) {
  std::uint32_t& tails = places_.find(place).value().tails;
  auto& sizes = tail_sizes_[place];
  const auto known = std::find_if(sizes.begin(), sizes.end(),
                                  [&](const TailSize& each) { return each.size == size; });
  if (added) {
    ++tails;
    if (known != sizes.end()) {
      ++known->patterns;
    } else {
      sizes.reserve(sizes.size() + 1);  // mostly it stays one
      sizes.push_back({static_cast<std::uint32_t>(size), 1});
    }
    return;
  }
  if (--known->patterns == 0) sizes.erase(known);
  if (--tails == 0) tail_sizes_.erase(place);
}

template <typename Held>
bool PatternIndex<Held>::match(std::string_view topic, std::vector<Held*>& out,
                               std::size_t looks) const {
  Search search{topic, out, looks};
  const auto root = places_.find(seed_);
  return root == places_.end() || match_from(seed_, root->second, topic, search);
}

// False where the search has looked often enough.
template <typename Held>
bool PatternIndex<Held>::match_from(Place place, const Known& known, std::string_view rest,
                                    Search& search) const {
  if (known.tails != 0 && !match_tails(place, rest, search)) return false;
  if (known.patterns == known.tails) return true;  // nothing else goes on from here
  const std::string_view next = pattern_steps::first_step(rest);
  if (!pattern_steps::ends_in_separator(next))
    return add_matching(end_of(place, next, false), search);
  const std::string_view after = rest.substr(next.size());
  const auto go_on = [&](Place to) {
    if (search.looks_left == 0) return false;
    --search.looks_left;
    const auto found = places_.find(to);
    return found == places_.end() || match_from(to, found->second, after, search);
  };
  return go_on(step(place, next)) && (next.size() == 1 || go_on(step_any(place, next.back())));
}

template <typename Held>
bool PatternIndex<Held>::match_tails(Place place, std::string_view rest, Search& search) const {
  for (const TailSize& tail : tail_sizes_.find(place)->second) {
    if (tail.size > rest.size()) continue;
    const std::uint64_t end = end_of(place, rest.substr(0, tail.size), true);
    if (!add_matching(end, search)) return false;
    if (stopping_ == 0) continue;
    for (const char stop : separators)
      if (!add_matching(end_of(end, stop), search)) return false;
  }
  return true;
}

template <typename Held>
bool PatternIndex<Held>::add_matching(std::uint64_t end, Search& search) const {
  if (search.looks_left == 0) return false;
  --search.looks_left;
  const auto found = ends_.find(Matching{end, search.topic});
  if (found != ends_.end()) search.out.push_back(found->second.get());
  return true;
}

template <typename Held>
std::size_t PatternIndex<Held>::bytes() const noexcept {
  constexpr std::size_t bucket = sizeof(std::uint64_t);  // what lies in its neighbourhood
  std::size_t bytes =
      places_.bucket_count() * (bucket + sizeof(std::pair<Place, Known>)) +
      tail_sizes_.bucket_count() * (bucket + sizeof(std::pair<Place, std::vector<TailSize>>)) +
      ends_.bucket_count() * (bucket + sizeof(std::pair<End, std::unique_ptr<Held>>));
  for (const auto& entry : tail_sizes_) bytes += entry.second.capacity() * sizeof(TailSize);
  return bytes;
}

}  // namespace zws
