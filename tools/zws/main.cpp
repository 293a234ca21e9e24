#include <csignal>
#include <exception>
#include <iostream>

#include "command.hpp"

namespace {

using namespace zws::tool;

int fail(Exit exit, const std::string& line) {
  std::cerr << "zws: " << line << '\n';
  return static_cast<int>(exit);
}

int usage(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
  std::cerr << "zws: " << error.what() << "\nTry `zws --help` or `zws COMMAND --help`.\n";
  return static_cast<int>(Exit::usage);
}

}  // namespace

int main(int argc, char** argv) try {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that has gone is an error of the write

  CLI::App app{"zws publishes to, listens to and looks into a zwsbridge."};
  app.name("zws");
  app.set_version_flag("--version", "zws " ZWS_VERSION);
  app.require_subcommand(1);
  Run run;
  add_commands(app, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return usage(app, error);
  }
  return static_cast<int>(run());
} catch (const Failure& failure) {
  return fail(failure.exit(), failure.what());
} catch (const std::exception& error) {
  return fail(Exit::failed, error.what());
}
