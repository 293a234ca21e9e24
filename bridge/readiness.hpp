// Readiness: asks a bridge that runs with this configuration whether it is ready, as the health check of
// a container does.
//
// Thread: any. Time: at most about six seconds.
#pragma once

#include <string>

#include "config/config.hpp"

namespace zws {

// Asks GET /readyz at the first of server.listen. Empty if it is ready, else why not, in one line.
std::string why_not_ready(const ServerConfig& server);

}  // namespace zws
