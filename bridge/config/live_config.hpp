// LiveConfig: the configuration in force, and how another one takes its place.
//
// Thread: main. Snapshots are immutable and may go anywhere.
#pragma once

#include <functional>
#include <memory>

#include "config/config.hpp"
#include "config/load.hpp"
#include "config/reload.hpp"

namespace zws {

class LiveConfig {
 public:
  // Throws StartupError. Sets up the log.
  explicit LiveConfig(ConfigSources sources);

  const ConfigPtr& current() const noexcept { return current_; }
  // Whence its values came.
  const Origins& origins() const noexcept { return origins_; }

  using Apply = std::function<void(const ConfigPtr&, const Origins&)>;

  // Reads the sources again and hands the new configuration to `apply`, which puts it in force
  // everywhere before it returns, or throws StartupError and has changed nothing (for keys it cannot
  // read). If it throws anything else (memory is short) it is called again with the old one. Either way
  // the log says what is in force. False: the old one still is.
  bool reload(const Apply& apply);

 private:
  void put_in_force(const ConfigPtr& next, const Origins& origins, const Apply& apply);
  void take_back(const Apply& apply) const noexcept;
  void tell(const std::vector<ConfigChange>& changes) const noexcept;

  const ConfigSources sources_;
  Origins origins_;
  ConfigPtr current_;
};

}  // namespace zws
