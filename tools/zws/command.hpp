// Command: what every command of `zws` shares: how it is added, how it ends.
//
// One file per command. add_<name>() describes the command to CLI11 and, in its callback, puts into
// `run` what main calls once the whole command line is known to be good. A command returns its exit
// code or throws Failure, whose line main prints. Data goes to stdout, talk to stderr.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "failure.hpp"

namespace zws::tool {

using Run = std::function<Exit()>;

void add_pub(CLI::App& app, Run& run);
void add_sub(CLI::App& app, Run& run);
void add_tap(CLI::App& app, Run& run);
void add_token(CLI::App& app, Run& run);
void add_stats(CLI::App& app, Run& run);
void add_connections(CLI::App& app, Run& run);
void add_topics(CLI::App& app, Run& run);
void add_sources(CLI::App& app, Run& run);
void add_rights(CLI::App& app, Run& run);
void add_bridges(CLI::App& app, Run& run);
void add_kick(CLI::App& app, Run& run);
void add_broadcast(CLI::App& app, Run& run);
void add_notify(CLI::App& app, Run& run);
void add_check(CLI::App& app, Run& run);
void add_bench(CLI::App& app, Run& run);
void add_keygen(CLI::App& app, Run& run);
void add_demo(CLI::App& app, Run& run);
void add_completion(CLI::App& app, Run& run);

// Every command, in the order in which --help lists them.
void add_commands(CLI::App& app, Run& run);

}  // namespace zws::tool
