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

// The nearest of `known`, or nothing where none is near enough to be meant.
std::string_view meant_by(std::string_view name, const std::vector<std::string_view>& known);

}  // namespace zws
