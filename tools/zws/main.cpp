#include <algorithm>
#include <csignal>
#include <exception>

#include "command.hpp"
#include "core/log.hpp"
#include "core/spelling.hpp"
#include "core/version.hpp"
#include "descriptor.hpp"
#include "login.hpp"
#include "output.hpp"

namespace {

using namespace zws::tool;

int fail(Exit exit, const std::string& line) {
  talk("zws: " + line);
  return static_cast<int>(exit);
}

std::string meant(const char* given, const std::vector<const CLI::App*>& commands) {
  std::vector<std::string_view> names;
  for (const CLI::App* command : commands) names.push_back(command->get_name());
  const std::string_view nearest = zws::meant_by(given, names);
  return nearest.empty() ? "" : ", did you mean '" + std::string(nearest) + "'?";
}

// CLI11 knows only that something is missing; a person wants to know which word was wrong.
std::string explained(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  const CLI::App* at = &app;
  for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
    const auto has_name = [&](const CLI::App* command) { return command->check_name(argv[i]); };
    const auto commands = at->get_subcommands([](const CLI::App*) { return true; });
    if (commands.empty()) break;
    const auto found = std::find_if(commands.begin(), commands.end(), has_name);
    if (found == commands.end())
      return "there is no command '" + zws::log::escaped(argv[i]) + "'" + meant(argv[i], commands);
    at = *found;
  }
  return printable(without_tokens(error.what(), argc, argv));
}

int refuse(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
  const std::string& hint = "\nTry `zws --help` or `zws COMMAND --help`.";
  return fail(Exit::usage, explained(app, error, argc, argv) + hint);
}

}  // namespace

int main(int argc, char** argv) try {
  fill_standard_descriptors();
  std::signal(SIGPIPE, SIG_IGN);  // a reader that has gone is an error of the write

  CLI::App app{"zws publishes to, listens to and looks into a zwsbridge."};
  app.name("zws");
  app.set_version_flag("--version", "zws " + std::string(zws::version()));
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 cannot connect, 4 denied, 5 timed out.\n"
      "`zws COMMAND --help` shows examples.");
  Run run;
  add_commands(app, run);
  if (argc < 2) {
    write_data(app.help());
    return static_cast<int>(Exit::done);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return refuse(app, error, argc, argv);
  }
  hide_tokens(argc, argv);
  return static_cast<int>(run());
} catch (const Failure& failure) {
  return fail(failure.exit(), failure.what());
} catch (const std::exception& error) {
  return fail(Exit::failed, error.what());
}
