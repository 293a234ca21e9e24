// CommandLine: what the daemon was asked to do.
//
// Thread: main, before others start.
#pragma once

#include <string>

#include "config/load.hpp"

namespace zws {

struct CommandLine {
  enum class Verb { run, check, ready, print_config, print_text };

  Verb verb = Verb::run;
  ConfigSources sources;
  bool with_origin = false;  // print_config
  bool strict = false;       // check: what has no effect is refused, too
  std::string text;          // print_text: the help, the version or the default configuration
};

// `environment` is the process's, ended by a null pointer. Throws StartupError{configuration} for
// a command line that is wrong: one line.
CommandLine parse_command_line(int argc, const char* const* argv, const char* const* environment);

}  // namespace zws
