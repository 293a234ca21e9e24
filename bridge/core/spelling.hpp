// Spelling: which of the known names somebody meant who wrote another.
//
// Thread: any; pure functions. Cost: the product of both lengths for each known name, which callers
// bound.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace zws {

// Letters to insert, delete, replace or swap with the next to get from one to the other.
std::size_t letters_between(std::string_view a, std::string_view b);

// How far a name is from another, and how long is what was compared.
struct Distance {
  std::size_t letters;
  std::size_t bytes;
};

// The nearest of `known` by distance(known), the first of those as near; null where none is near
// enough to be meant: three letters, and no more than half of it.
template <typename Known, typename Measure>
const Known* nearest(std::string_view name, const std::vector<Known>& known, Measure distance) {
  constexpr std::size_t typos_max = 3;
  constexpr std::size_t name_bytes_max = 100;
  const Known* best = nullptr;
  std::size_t best_letters = typos_max + 1;
  if (name.size() > name_bytes_max) return best;
  for (const Known& candidate : known) {
    const Distance far = distance(candidate);
    if (far.letters >= best_letters || far.letters * 2 > far.bytes) continue;
    best = &candidate;
    best_letters = far.letters;
  }
  return best;
}

// The nearest of `known` by its letters, or nothing where none is near enough to be meant.
std::string_view meant_by(std::string_view name, const std::vector<std::string_view>& known);

}  // namespace zws
