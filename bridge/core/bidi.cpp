#include "core/bidi.hpp"

namespace zws {

bool has_bidi(std::string_view text) noexcept {
  for (const std::string_view mark : {"\u061c", "\u200e", "\u200f", "\u202a", "\u202b", "\u202c",
                                      "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"})
    if (text.find(mark) != std::string_view::npos) return true;
  return false;
}

}  // namespace zws
