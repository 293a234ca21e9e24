// A JSON object as a table for a person: a line for each value, a heading for each object in it, and
// columns for a list of objects. What is named ..._bytes has a unit, and large numbers are split.
//
// Thread: any; pure. Nothing in the values can steer the terminal.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace zws::tool {

std::string json_table(const nlohmann::ordered_json& object, bool colour);

// A list of objects: a line each, under the names of their members.
std::string json_columns(const nlohmann::ordered_json& list);

}  // namespace zws::tool
