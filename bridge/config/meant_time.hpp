// meant_time: what a time with a unit that there is not was meant to be, for the complaint about it.
//
// Thread: any.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace zws::config {

// "5min" is "5m", "10 s" "10s", "1d" "24h" and "10" "10s"; none where it cannot be told.
std::optional<std::string> meant_time(std::string_view text);

}  // namespace zws::config
