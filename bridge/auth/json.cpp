#include "auth/json.hpp"

#include <jansson.h>

namespace zws {
namespace {

// Counts brackets outside strings: enough to bound the parser's recursion, and right for all JSON.
bool nested_too_deep(std::string_view text) noexcept {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > json_depth_max) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace

void JsonRelease::operator()(json_t* json) const noexcept { json_decref(json); }

Json parse_json_object(std::string_view text) noexcept {
  if (nested_too_deep(text)) return nullptr;
  Json json(json_loadb(text.data(), text.size(), JSON_REJECT_DUPLICATES, nullptr));
  return json_is_object(json.get()) ? std::move(json) : nullptr;
}

}  // namespace zws
