// load: file, environment and --set become one Config, or one line that says what is wrong.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"

namespace zws {

struct ConfigSources {
  std::string file;                      // empty: none
  std::vector<std::string> environment;  // NAME=value, all of the process's; others are ignored
  std::vector<std::string> set;          // key=value, the last of a key holds
};

// Throws StartupError{configuration}: one line with file, line, key, value and what is allowed.
Config load_config(const ConfigSources& sources);

}  // namespace zws
