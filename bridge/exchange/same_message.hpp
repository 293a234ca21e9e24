// Whether two texts that clients get say the same of one event.
//
// Two bridges make the same text of an event, but for one thing: where neither its producer nor its payload
// says when it was sent, each writes when it heard it.
//
// Thread: any.
#pragma once

#include <string_view>

namespace zws {

// The text in a WebSocket frame of the bridge's own making.
std::string_view text_in_frame(std::string_view frame) noexcept;

// Of one @id.
bool says_the_same(std::string_view a, std::string_view b) noexcept;

}  // namespace zws
