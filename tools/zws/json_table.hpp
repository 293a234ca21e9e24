// A JSON object as a table for a person: a line for each value, a heading for each object in it, and
// columns for a list of objects.
//
// Thread: any; pure. Nothing in the values can steer the terminal.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace zws::tool {

std::string json_table(const nlohmann::ordered_json& object, bool colour);

}  // namespace zws::tool
