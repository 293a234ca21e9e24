// The third frame of an event: {"src":"...","seq":17,"ts":1763798400000000000,"key":"..."}
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace zws {

// `key` may be empty: then it is not there. `ts` is in nanoseconds. The same values make the same
// bytes.
void append_header(std::string& text, std::string_view source, std::uint64_t seq, std::int64_t ts,
                   std::string_view key);

}  // namespace zws
