// manual: the configuration described, for people: made from the key table and the comments of
// config.hpp, which the program carries with it.
//
// Thread: any; no state.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace zws {

// The default configuration with every key explained: TOML that loads to the defaults. It is what
// `zwsbridge default-config` prints and share/zwsbridge/zwsbridge.toml holds.
std::string default_config_text();

// The same as Markdown: docs/CONFIG.md.
std::string config_reference();

namespace config {

// The comment of one field (or table) of config.hpp.
struct Comment {
  std::vector<std::string> prose;  // the lines before "Allowed:"
  std::vector<std::string> facts;  // the lines from "Allowed:" on; none for a table
};

// `name` is a key ("limits.queue_bytes", "route.replay") or a table ("limits", "route").
// An empty one if there is none: a unit test keeps that from happening.
Comment comment_of(std::string_view name);

// The lines as one.
std::string one_line(const std::vector<std::string>& lines);

}  // namespace config
}  // namespace zws
