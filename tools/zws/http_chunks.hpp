// The chunks that a server or a proxy may send an HTTP/1.1 answer in (RFC 9112, 7.1).
//
// Thread: any.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace zws::tool {

// Whether the head of an answer says that its body comes in chunks.
bool is_chunked(std::string_view head);

// The body that `chunks` are of; nothing where they break off or are none.
std::optional<std::string> join_chunks(std::string_view chunks);

}  // namespace zws::tool
