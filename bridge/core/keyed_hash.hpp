// A hash of text that strangers choose: of topics, sources and keys.
//
// Its key is drawn when the program starts, so nobody outside can tell which texts share a place of a table. With
// std::hash whoever chose a thousand names of one hash made each look-up compare a thousand.
//
// SipHash-1-3. Thread: any. Cost: some 20 ns for a short name, nothing allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace zws {

struct HashKey {
  std::uint64_t first;
  std::uint64_t second;
};

std::uint64_t keyed_hash(std::string_view text, HashKey key) noexcept;

// With the key of this process.
std::uint64_t keyed_hash(std::string_view text) noexcept;

struct KeyedHash {
  // Not noexcept, by which the standard's tables keep what it found beside each element.
  std::size_t operator()(std::string_view text) const { return keyed_hash(text); }
};

}  // namespace zws
