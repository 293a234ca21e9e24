// base64url as JOSE wants it: no padding, no stray bits, nothing but its alphabet.
//
// Thread: any; pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace zws {

// The bytes of `text`, or nothing. One sequence of bytes has exactly one text, so a token cannot be
// respelled into another one with the same signature.
std::optional<std::string> decode_base64url(std::string_view text);

std::string encode_base64url(std::string_view bytes);

}  // namespace zws
