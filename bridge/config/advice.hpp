// Advice: what a configuration says that can never have an effect. It is allowed, and hardly what was
// meant.
//
// Thread: any; pure functions.
#pragma once

#include <string>
#include <vector>

#include "config/load.hpp"

namespace zws {

// One line for each, as a complaint: where it stands, key, value and why nothing comes of it. The
// configuration is one that load_config took.
std::vector<std::string> advice(const Config& config, const Origins& origins);

}  // namespace zws
