// Bidi controls: marks that turn the direction of text, so that a log line shows something else than it
// holds: U+061C, U+200E,
// U+200F, U+202A to U+202E, U+2066 to U+2069.
//
// Thread: any; a pure function.
#pragma once

#include <string_view>

namespace zws {

// Whether valid UTF-8 `text` holds one.
bool has_bidi(std::string_view text) noexcept;

}  // namespace zws
