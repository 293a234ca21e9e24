// Json: a parsed object, of a token or of a JWKS file. libjose speaks jansson, so this room does.
//
// Thread: any; a Json is read-only once parsed, and then readable by several threads.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct json_t;

namespace zws {

struct JsonRelease {
  void operator()(json_t* json) const noexcept;
};

using Json = std::unique_ptr<json_t, JsonRelease>;

constexpr int json_depth_max = 32;

// The object that `text` is. Null when it is anything else: not JSON, not UTF-8, nested deeper than
// json_depth_max (seen before the parser is called), with a member named twice, with a number that
// overflows, or with U+0000 in a string.
Json parse_json_object(std::string_view text) noexcept;

// The same for what others write, key sets, most of whose members are not ours and must not harm. What
// jansson cannot hold is another value that nobody takes for one of ours: an integer beyond 64 bits is
// its text, a number that overflows `true`, U+0000 and halves of surrogate pairs U+0001.
Json parse_of_others(std::string_view text) noexcept;

// The same for claims, of which only those at `paths` are read ("sub", "realm_access.roles"): null if
// one of these, or what one lies in, is named twice. Of others that are, the last one stays.
Json parse_claims(std::string_view text, const std::vector<std::string>& paths) noexcept;

}  // namespace zws
