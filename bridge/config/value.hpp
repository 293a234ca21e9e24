// Value: what a key can hold, free of the library that read it.
//
// Thread: any; values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.hpp"

namespace zws::config {

// A TOML value that no key can hold (a float, a date, a table, a mixed list), as text to be shown.
struct Foreign {
  std::string text;
};

using Value = std::variant<bool, std::int64_t, std::string, std::vector<std::string>, Foreign>;

// As TOML on one line; Foreign never gets that far.
std::string toml_text(const Value& value);

// For a complaint: one line, harmless on a terminal, about 200 bytes at most.
std::string shown(const Value& value);

// "10s", "500ms", "5m", "1h": one whole number and one unit. Nothing for anything else, or for more
// than about 1100 years.
std::optional<Duration> parse_duration(std::string_view text);

// The same in the largest unit that fits exactly (a minute is 60s).
std::string duration_text(Duration time);

}  // namespace zws::config
