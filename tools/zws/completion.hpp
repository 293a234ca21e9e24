// Completion scripts: the commands of a CLI11 program as bash, zsh and fish want them told.
//
// Thread: any; pure.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace zws::tool {

struct DescribedOption {
  std::string name;  // "--count", or "-q"
  std::string text;
  bool takes_value = false;
  bool takes_file = false;
  std::vector<std::string> choices;
};

struct DescribedCommand {
  std::vector<std::string> path;  // empty for the program itself; {"demo", "import"}
  std::string text;
  std::vector<DescribedOption> options;
  std::vector<std::string> choices;  // subcommands, or what its argument may be
};

// The program first, then every command, parents before their children.
std::vector<DescribedCommand> describe_commands(const CLI::App& app);

// `shell`: bash, zsh or fish.
std::string completion_script(const std::string& shell,
                              const std::vector<DescribedCommand>& commands);

}  // namespace zws::tool
