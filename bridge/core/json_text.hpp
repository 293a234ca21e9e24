// JSON text written by hand where building a tree would be waste.
//
// Thread: any; pure functions.
#pragma once

#include <string>
#include <string_view>

namespace zws {

// Appends `text` (valid UTF-8) as a JSON string with its quotes. Only what JSON demands is escaped.
void append_json_string(std::string& out, std::string_view text);

std::string json_string(std::string_view text);

}  // namespace zws
