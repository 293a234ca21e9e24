// zws stats: what the bridge counts, once or again and again.

#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "command.hpp"
#include "core/log.hpp"
#include "duration.hpp"
#include "http_client.hpp"
#include "json_table.hpp"
#include "login.hpp"
#include "output.hpp"
#include "show.hpp"

namespace zws::tool {
namespace {

constexpr const char* clear_screen = "\x1b[H\x1b[2J";

struct StatsOptions {
  bool watch = false;
  std::string interval = "2";
  bool json = false;
  Login login;
};

using Json = nlohmann::ordered_json;

std::string message_of(const std::string& body) {
  const Json answer = Json::parse(body, nullptr, false);
  const bool told =
      answer.is_object() && answer.contains("message") && answer["message"].is_string();
  return told ? ": " + log::escaped(answer["message"].get<std::string>(), 300) : "";
}

class Stats {
 public:
  explicit Stats(const StatsOptions& options)
      : options_(options), url_(Url::parse(options.login.url)), token_(token_of(options.login)) {
    while (url_.path.size() > 1 && url_.path.back() == '/') url_.path.pop_back();
    url_.path += url_.path == "/" ? "api/ws/stats" : "/stats";
    if (token_.empty()) token_ = administrator_token_of(url_);
  }

  // False when nobody reads on.
  bool show() {
    const HttpAnswer answer = http_get(url_, token_, options_.login.tls);
    const std::string where = url_.authority() + url_.path;
    if (answer.status == 401 || answer.status == 403)
      throw Failure(Exit::denied,
                    where + " is for administrators (" + std::to_string(answer.status) + ")" +
                        message_of(answer.body) + "; a token goes into --token-file or ZWS_TOKEN");
    if (answer.status != 200)
      throw Failure(Exit::failed,
                    where + " answered " + std::to_string(answer.status) + message_of(answer.body));
    const Json stats = Json::parse(answer.body, nullptr, false);
    if (!stats.is_object())
      throw Failure(Exit::failed, where + " did not answer with a JSON object");
    if (options_.json || !data_is_seen()) return write_data(json_line(stats.dump()));
    const std::string table = json_table(stats, data_has_colour());
    return write_data(options_.watch ? clear_screen + table : table);
  }

 private:
  const StatsOptions& options_;
  Url url_;
  std::string token_;
};

Exit stats(const StatsOptions& options) {
  const auto interval = parse_duration("--interval", options.interval);
  Stats shown(options);
  if (!options.watch) {
    shown.show();
    return Exit::done;
  }
  for (SteadyTime next = Clock::real().steady();; next += interval) {
    std::this_thread::sleep_until(next);
    if (!shown.show()) return Exit::done;
  }
}

}  // namespace

void add_stats(CLI::App& app, Run& run) {
  auto options = std::make_shared<StatsOptions>();
  CLI::App* command = app.add_subcommand("stats", "What the bridge counts, for administrators");
  command->add_flag("--watch,-w", options->watch, "Again and again, until interrupted");
  command->add_option("--interval", options->interval, "How often with --watch")
      ->type_name("TIME")
      ->capture_default_str();
  command->add_flag("--json", options->json, "JSON on a terminal too");
  add_login_options(*command, options->login);
  command->footer(
      "A table on a terminal, else JSON, a line each time. Without a token the one is taken that "
      "a\n"
      "bridge in open mode on this machine keeps for its administrator.\n\n"
      "Examples:\n"
      "  zws stats\n"
      "  zws stats --watch --url wss://bridge.example/api/ws --token-file ops.token\n"
      "  zws stats | jq .connections");
  command->callback([options, &run] { run = [options] { return stats(*options); }; });
}

}  // namespace zws::tool
