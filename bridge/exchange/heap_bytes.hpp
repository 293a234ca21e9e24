// What a block of memory really costs, for all who account for theirs.
//
// Thread: any; pure functions. Figures are those of glibc's malloc on 64 bits.
#pragma once

#include <cstddef>
#include <string>

namespace zws {

// A block of `size` bytes as malloc hands it out: a word in front, in steps of 16, at least 32.
constexpr std::size_t heap_bytes(std::size_t size) noexcept {
  if (size == 0) return 0;
  const std::size_t whole = (size + 8 + 15) / 16 * 16;
  return whole < 32 ? 32 : whole;
}

// What a string keeps outside itself.
inline std::size_t heap_bytes(const std::string& text) noexcept {
  return text.capacity() > 15 ? heap_bytes(text.capacity() + 1) : 0;
}

}  // namespace zws
