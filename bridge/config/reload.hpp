// reload: a second configuration for a bridge that runs with a first one: all of it, or none.
//
// Thread: any; no state.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/load.hpp"

namespace zws {

struct ConfigChange {
  std::string key;  // "limits.queue_bytes", "route[0].replay"
  std::string before;
  std::string after;  // as TOML; empty where the route is not there; secrets are masked
  bool needs_restart = false;
};

// Every key whose value differs, in the order of the table. Files that values name may have changed
// without their name: that is for their readers.
std::vector<ConfigChange> config_diff(const Config& before, const Config& after);

struct Reloaded {
  Config config;  // what is in force from now on: keys that need a restart keep what is running
  Origins origins;
  std::vector<ConfigChange> changes;  // with those keys too, for the log
};

// Loads `sources` again. Throws StartupError, and nothing has happened, if they are wrong, if the
// new values contradict those that stay until a restart, or if the last key is taken out of [auth] or
// the list of producers' keys out of [ingest]: nobody opens a running bridge to everyone by a slip.
Reloaded reload_config(const Config& running, const ConfigSources& sources);

}  // namespace zws
