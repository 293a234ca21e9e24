// Whether a text is an Origin as browsers send it, which is what an entry of server.allowed_origins is compared with.
//
// Thread: any; nothing is kept.
#pragma once

#include <string_view>

namespace zws {

// scheme://host[:port] in lower case and without the port that is the scheme's own; "null", as pages in a sandbox
// and files send it, and "file://".
bool is_origin(std::string_view text) noexcept;

}  // namespace zws
