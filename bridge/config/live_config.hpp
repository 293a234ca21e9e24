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
  // Whence its values came.
  const Origins& origins() const noexcept { return origins_; }

  // Reads the sources again and hands the new configuration to `apply`, which puts it in force
  // everywhere before it returns, or throws StartupError and has changed nothing (for keys it cannot
  // read). Either way the log says what is in force. False: the old one still is.
  bool reload(const std::function<void(const ConfigPtr&, const Origins&)>& apply);

 private:
  const ConfigSources sources_;
  Origins origins_;
  ConfigPtr current_;
};

}  // namespace zws
