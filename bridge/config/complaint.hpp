// complaint: the one line that says what is wrong with a configuration.
//
// Thread: any; pure functions. Everything quoted is escaped, so it stays one line, and what may be a
// secret is masked (secrecy.hpp).
#pragma once

#include <string>
#include <string_view>

#include "config/keys.hpp"
#include "core/error.hpp"

namespace zws::config {

// "bridge.toml:3: server.threads = -1: allowed is an integer from 0 to 256"
StartupError refused(std::string_view origin, std::string_view key, const Value& value,
                     std::string_view allowed);

// "bridge.toml:3: route[0].key = "id": has no effect, as ...": nothing that is refused.
std::string remark(std::string_view origin, std::string_view key, const Value& value,
                   std::string_view why);

// "bridge.toml:3: server.tread: unknown key, did you mean server.threads?"; where nothing is near, the
// keys that are allowed there. What stands there is not told: nobody knows what it is.
StartupError unknown_key(std::string_view origin, std::string_view key);
StartupError unknown_route_key(std::string_view origin, std::size_t route, std::string_view key);
StartupError unknown_variable(std::string_view name);

}  // namespace zws::config
