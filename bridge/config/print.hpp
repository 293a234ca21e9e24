// print: what is in force, as TOML.
//
// Thread: any; pure functions. Secrets are masked.
#pragma once

#include <string>

#include "config/config.hpp"
#include "config/load.hpp"

namespace zws {

// Every key with its value and, where `origins` is given, a comment behind it that says where it comes from.
std::string print_config(const Config& config, const Origins* origins = nullptr);

// The same as a JSON list of {"key","value","origin","applies"}: applies is when a change of it holds.
std::string config_json(const Config& config, const Origins& origins);

}  // namespace zws
