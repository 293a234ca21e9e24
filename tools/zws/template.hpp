// Template: text in which each message may differ.
//
//   {{count}}  1, 2, 3, ...    {{time}}  2026-11-22T15:07:35.120Z    {{uuid}}  a random UUID
//
// Anything else in double braces stays as it is. Thread: any; immutable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"

namespace zws::tool {

class Template {
 public:
  explicit Template(std::string_view text);

  std::string render(std::uint64_t count, WallTime now) const;

 private:
  enum class Kind { text, count, time, uuid };
  struct Piece {
    Kind kind;
    std::string text;
  };

  std::vector<Piece> pieces_;
};

// Version 4, from the kernel's random numbers: 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed.
std::string random_uuid();

}  // namespace zws::tool
