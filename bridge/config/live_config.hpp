// LiveConfig: the configuration in force, and how another one takes its place.
//
// Thread: main. Snapshots are immutable and may go anywhere.
#pragma once

#include <functional>
#include <memory>

#include "config/config.hpp"
#include "config/load.hpp"

namespace zws {

class LiveConfig {
 public:
  // Throws StartupError. Sets up the log.
  explicit LiveConfig(ConfigSources sources);

  const ConfigPtr& current() const noexcept { return current_; }

  // Reads the sources again. Everything in them is good and `apply_keys` took the new [auth], or
  // nothing changes; either way the log says what. True if there is a new configuration.
  // `apply_keys` throws StartupError for keys it cannot read.
  bool reload(const std::function<void(const AuthConfig&)>& apply_keys);

 private:
  const ConfigSources sources_;
  ConfigPtr current_;
};

}  // namespace zws
