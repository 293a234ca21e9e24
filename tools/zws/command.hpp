// Command: what every command of `zws` shares: how it is added, how it ends.
//
// One file per command. add_<name>() describes the command to CLI11 and, in its callback, puts into
// `run` what main calls once the whole command line is known to be good. A command returns its exit
// code or throws Failure, whose line main prints. Data goes to stdout, talk to stderr.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <stdexcept>
#include <string>

namespace zws::tool {

enum class Exit : int {
  done = 0,
  failed = 1,
  usage = 2,
  cannot_connect = 3,
  denied = 4,
  timed_out = 5,
};

// The command cannot go on; `line` says why and, where there is one, the way out.
class Failure : public std::runtime_error {
 public:
  Failure(Exit exit, const std::string& line) : std::runtime_error(line), exit_(exit) {}

  Exit exit() const noexcept { return exit_; }

 private:
  Exit exit_;
};

using Run = std::function<Exit()>;

void add_bench(CLI::App& app, Run& run);
void add_keygen(CLI::App& app, Run& run);

// Every command, in the order in which --help lists them.
void add_commands(CLI::App& app, Run& run);

}  // namespace zws::tool
