#include "config/command_line.hpp"

#include <CLI/CLI.hpp>

#include "config/manual.hpp"
#include "config/secrecy.hpp"
#include "core/error.hpp"
#include "core/log.hpp"
#include "core/version.hpp"

namespace zws {
namespace {

constexpr const char* footer =
    "Every key of the configuration can be set in the file, in the environment\n"
    "(ZWSBRIDGE_SERVER_LISTEN is server.listen) and with --set; `zwsbridge default-config`\n"
    "explains them all. SIGHUP rereads the configuration, SIGTERM stops after draining.\n"
    "Exit codes: 0 done, 1 the machine refuses, 2 the configuration or this line is wrong.";

StartupError wrong_line(std::string_view why) {
  return StartupError(StartupError::configuration,
                      log::escaped(config::without_secrets(why), 400) + " (see zwsbridge --help)");
}

// The words that nothing could be made of. What stands behind an unknown option may be a secret, as in
// --hs256-secret=... or --token ...; then its name must do.
std::string unexpected(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty() && word.rfind("--", 0) != 0) continue;
    const std::string name = word.substr(0, word.find('='));
    text += ' ' + config::without_likely_secrets(name);
  }
  return "not expected here:" + text;
}

CommandLine say(std::string text) {
  CommandLine line;
  line.verb = CommandLine::Verb::print_text;
  line.text = std::move(text);
  return line;
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv, const char* const* environment) {
  CommandLine line;
  bool check = false;
  bool ready = false;
  std::string log_format;

  CLI::App app("Carries events from ZeroMQ publishers to WebSocket clients.", "zwsbridge");
  app.footer(footer);
  app.set_version_flag("--version", "zwsbridge " + std::string(version()));
  app.add_option("--config", line.sources.file, "Read this TOML file")->type_name("FILE");
  app.add_option("--set", line.sources.set, "Set one key, as in --set log.level=debug")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app.add_option("--log-format", log_format, "Short for --set log.format=...")
      ->check(CLI::IsMember({"text", "json"}));
  CLI::Option* const check_flag =
      app.add_flag("--check", check, "Check the configuration and end: exit code 0 or 2");
  app.add_flag("--strict", line.strict, "With --check: 2 for what has no effect, too")
      ->needs(check_flag);
  app.add_flag("--ready", ready,
               "Ask the bridge that runs so whether it is ready: exit code 0 or 1")
      ->excludes(check_flag);
  app.fallthrough();
  app.require_subcommand(0, 1);
  const CLI::App* defaults =
      app.add_subcommand("default-config", "Print the default configuration, explained");
  CLI::App* print = app.add_subcommand("print-config", "Print the configuration that is in force");
  print->add_flag("--origin", line.with_origin, "Say where each value comes from");

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return say(app.help());
  } catch (const CLI::CallForVersion& version) {
    return say(std::string(version.what()) + '\n');
  } catch (const CLI::ExtrasError&) {
    throw wrong_line(unexpected(app.remaining(true)));
  } catch (const CLI::ParseError& error) {
    throw wrong_line(error.what());
  }
  if (defaults->parsed()) return say(default_config_text());
  if (check) line.verb = CommandLine::Verb::check;
  if (ready) line.verb = CommandLine::Verb::ready;
  if (print->parsed()) line.verb = CommandLine::Verb::print_config;
  if (!log_format.empty()) line.sources.set.push_back("log.format=" + log_format);
  for (; *environment; ++environment) line.sources.environment.emplace_back(*environment);
  return line;
}

}  // namespace zws
