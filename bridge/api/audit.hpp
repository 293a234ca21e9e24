// Audit: the log line that every administrator's call leaves: who, from where, what, and how many
// connections it reached.
//
//   audit: "root" from 10.0.0.7: POST /api/ws/notify, users "ada", "bob" and 3 more, reached 4
//
// Thread: any. What others chose (names, topics, paths) is escaped and cut, so that a line stays one.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/request.hpp"

namespace zws {

// `topic "import:7"`
std::string audit_name(std::string_view kind, std::string_view name);

// `users "ada", "bob" and 3 more`; `no users`
std::string audit_names(std::string_view kind, const std::vector<std::string>& names);

// `reached` is absent where a call only looks.
void audit(const ApiRequest& request, std::string_view what,
           std::optional<std::size_t> reached = std::nullopt);

}  // namespace zws
