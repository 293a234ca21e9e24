// print: what is in force, as TOML.
//
// Thread: any; pure functions. Secrets are masked.
#pragma once

#include <string>

#include "config/config.hpp"
#include "config/load.hpp"

namespace zws {

// Every key with its value; where `origins` is given, behind each a comment that says whence it
// came.
std::string print_config(const Config& config, const Origins* origins = nullptr);

}  // namespace zws
