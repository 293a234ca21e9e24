// JSON text written by hand where building a tree would be waste.
//
// Thread: any; pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace zws {

// Appends `text` (valid UTF-8) as a JSON string with its quotes. Only what JSON demands is escaped.
void append_json_string(std::string& out, std::string_view text);

std::string json_string(std::string_view text);

// Writes one JSON object, member by member, in the order of the calls.
class JsonObject {
 public:
  JsonObject& text(std::string_view name, std::string_view value);
  JsonObject& number(std::string_view name, std::uint64_t value);
  JsonObject& boolean(std::string_view name, bool value);
  // `json` is a JSON value already; nothing is written when it is empty.
  JsonObject& json(std::string_view name, std::string_view json);

  std::string done();

 private:
  std::string& member(std::string_view name);

  std::string out_ = "{";
};

// How deep objects and arrays nest in `text`, counted without parsing it (1 for `{}`, 0 for `1`).
// For text that is not JSON the number means nothing but is still bounded by its size.
std::size_t json_nesting(std::string_view text) noexcept;

}  // namespace zws
