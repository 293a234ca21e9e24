// log_lines_json: the answer of `GET /log`, the newest lines of the log and of the audit (docs/REST.md).
//
// Thread: any; the clerk's. No lane waits for what is made of the lines.
#pragma once

#include <cstddef>
#include <string>

namespace zws {

// At most `limit` lines of each, the oldest first. What looks like a secret is *** in them, though no line should
// hold one.
std::string log_lines_json(std::size_t limit);

// How many of each were ever written, `{"log":N,"audit":N}`: whether there are new ones, without asking for them.
std::string log_counts_json();

}  // namespace zws
