// load: file, environment and --set become one Config, or one line that says what is wrong.
//
// Thread: any; no state. Precedence: default < file < environment < --set. Values of the
// environment and of --set are TOML, else a string; a string takes the text as it is, a list a list of
// it. An empty variable is unset.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace zws {

struct ConfigSources {
  std::string file;                      // empty: none
  std::vector<std::string> environment;  // NAME=value, all of the process's; others are ignored
  std::vector<std::string> set;          // key=value, the last of a key holds
};

// Whence each value came that is not a built-in default: "server.listen" or "route[0].match" to
// "bridge.toml:3", "ZWSBRIDGE_SERVER_LISTEN" or "--set".
using Origins = std::map<std::string, std::string>;

// Throws StartupError{configuration}: one line with file, line, key, value and what is allowed
// (a secret's value is masked). Key and TLS files are looked at: each must be readable.
Config load_config(const ConfigSources& sources, Origins* origins = nullptr);

// The same from `text`, which came from the file called `file` (sources.file is not read), and
// without a look at the files that it names: touches nothing but its arguments.
Config parse_config(std::string_view text, const std::string& file, const ConfigSources& sources,
                    Origins* origins = nullptr);

}  // namespace zws
