// LaneSet: some of the lanes, as bits.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace zws {

// Lanes from the 64th on share the last bit.
using LaneSet = std::uint64_t;

constexpr LaneSet lane_bit(std::size_t lane) noexcept {
  return LaneSet{1} << std::min<std::size_t>(lane, 63);
}

// That bit cannot be taken out with one of its lanes.
constexpr bool is_shared(LaneSet bit) noexcept { return bit == lane_bit(63); }

}  // namespace zws
