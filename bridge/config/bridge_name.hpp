// bridge_name: what this bridge is called where there are several.
//
// Thread: any.
#pragma once

#include <string>
#include <string_view>

#include "config/config.hpp"

namespace zws {

// relay.name; else the host's name and the port of `address`, where it listens first. What no name of a
// bridge may hold is a '-' in it.
std::string bridge_name(const RelayConfig& config, std::string_view address);

}  // namespace zws
