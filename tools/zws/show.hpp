// Show: how messages are written to stdout: --format json, pretty or payload.
#pragma once

#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace zws::tool {

enum class Format { json, pretty, payload };

// --format
void add_format_option(CLI::App& command, Format& format);

// One message for a person: when, where and which, and then its payload, indented if it is JSON.
std::string pretty(std::string_view topic, std::string_view note, std::string_view payload);

// JSON of one line as a line of its own. On a terminal it is harmless, and still the same JSON.
std::string json_line(std::string_view json);

// A payload as its own line (or lines). On a terminal nothing in it can steer the terminal.
std::string bare(std::string_view payload);

}  // namespace zws::tool
