// Durations as people type them.
#pragma once

#include <chrono>
#include <string_view>

namespace zws::tool {

// "90s", "1h", "1.5m", "250ms", "2d"; a bare number is seconds. Throws Failure (usage), whose line
// names `option`, unless it is between `min` and a hundred years.
std::chrono::milliseconds parse_duration(std::string_view option, std::string_view text,
                                         std::chrono::milliseconds min = std::chrono::milliseconds{
                                             1});

}  // namespace zws::tool
