// User: which text may be a user's name, in a token's `sub` and in an administrator's call.
//
//   valid       ada   Zoë   a/b   a b   {user}
//   not valid   (empty)   a*   a\nb   over 200 bytes   not UTF-8   marks of direction
//
// Thread: any; a pure function.
#pragma once

#include <cstddef>
#include <string_view>

namespace zws {

constexpr std::size_t user_bytes_max = 200;  // so that @user/<id> is a topic

bool is_user(std::string_view name) noexcept;

}  // namespace zws
