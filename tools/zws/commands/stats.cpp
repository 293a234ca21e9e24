// zws stats: what the bridge counts, once or again and again.

#include <memory>
#include <thread>

#include "admin_calls.hpp"
#include "command.hpp"
#include "core/clock.hpp"
#include "duration.hpp"
#include "json_table.hpp"
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

class Stats {
 public:
  explicit Stats(const StatsOptions& options) : options_(options), calls_(options.login) {}

  // False when nobody reads on.
  bool show() {
    const AdminCalls::Json stats = calls_.get("/stats");
    if (options_.json || !data_is_seen()) return write_data(json_line(stats.dump()));
    const std::string table = json_table(stats, data_has_colour());
    return write_data(options_.watch ? clear_screen + table : table);
  }

  // The same while a bridge may be restarted, which is told once. A new one may know the token only a
  // moment after it answers.
  bool show_again() {
    try {
      if (!show()) return false;
      told_.clear();
    } catch (const Failure& failure) {
      const bool denied = failure.exit() == Exit::denied;
      if (denied && denied_) throw;
      denied_ = denied;
      if (told_ != failure.what()) talk("zws: " + std::string(failure.what()) + "; I go on trying");
      told_ = failure.what();
      return true;
    }
    denied_ = false;
    return true;
  }

 private:
  const StatsOptions& options_;
  AdminCalls calls_;
  std::string told_;
  bool denied_ = false;
};

Exit stats(const StatsOptions& options) {
  const auto interval = parse_duration("--interval", options.interval);
  Stats shown(options);
  SteadyTime next = Clock::real().steady();
  if (!shown.show() || !options.watch) return Exit::done;
  for (;;) {
    std::this_thread::sleep_until(next += interval);
    if (!shown.show_again()) return Exit::done;
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
      "A table on a terminal, else JSON, a line each time. --watch goes on when the bridge is\n"
      "restarted. Without a token the one is taken that "
      "a\n"
      "bridge in open mode on this machine keeps for its administrator.\n\n"
      "Examples:\n"
      "  zws stats\n"
      "  zws stats --watch --url wss://bridge.example/api/ws --token-file ops.token\n"
      "  zws stats | jq .connections");
  command->callback([options, &run] { run = [options] { return stats(*options); }; });
}

}  // namespace zws::tool
