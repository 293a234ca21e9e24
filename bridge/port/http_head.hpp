// HttpHead: is this request head one that every party on the way would read alike?
//
// websocketpp's parser is lenient (two Host headers, signs in Content-Length, bare line feeds); what
// proxies may read differently is refused here before it sees it.
//
// Thread: any; pure functions.
#pragma once

#include <string>
#include <string_view>

namespace zws {

constexpr std::size_t request_line_bytes_max = 8 * 1024;
constexpr std::size_t request_head_bytes_max = 16 * 1024;

// 0 if `head` (all up to and with the empty line) is sound, else the HTTP status that refuses it.
int head_fault(std::string_view head) noexcept;

// The same for a head that is not complete yet: only its sizes.
int partial_head_fault(std::string_view head) noexcept;

// Whether a list of tokens (Upgrade, Connection, Expect) has `token` among them, whatever the case.
bool names_token(std::string_view header, std::string_view token) noexcept;

// "http://a:80/x?y", as it is sent to proxies -> {"a:80", "/x?y"}; any other target has no authority.
struct RequestTarget {
  std::string_view authority;
  std::string path;
};
RequestTarget target_of(std::string_view target);

}  // namespace zws
