// zws check: whether a bridge is well, in one look.

#include <ctime>
#include <memory>
#include <optional>

#include "admin_calls.hpp"
#include "command.hpp"
#include "core/log.hpp"
#include "output.hpp"

namespace zws::tool {
namespace {

constexpr double seconds_of_day = 86400;
constexpr double certificate_days_min = 14;

struct CheckOptions {
  Login login;
};

// The value of a metric without labels.
std::optional<double> metric(const std::string& text, const std::string& name) {
  const std::string start = '\n' + name + ' ';
  const std::size_t found = ('\n' + text).find(start);
  if (found == text.npos) return std::nullopt;
  return std::strtod(text.c_str() + found + start.size() - 1, nullptr);
}

class Check {
 public:
  explicit Check(const CheckOptions& options) : calls_(options.login) {}

  Exit run() {
    try {
      ready();
      serves_clients();
      measured();
    } catch (const Failure& failure) {
      ill("reached", failure.what());
    }
    write_data(out_);
    return well_ ? Exit::done : Exit::failed;
  }

 private:
  void ready() {
    const HttpAnswer answer = calls_.ask("/readyz");
    const auto json = nlohmann::json::parse(answer.body, nullptr, false);
    if (!json.is_object() || !json.contains("ready"))
      return ill("ready", calls_.url().authority() + "/readyz answered " +
                              std::to_string(answer.status) + ": this is no zwsbridge");
    std::string reasons;
    if (const auto list = json.find("reasons"); list != json.end() && list->is_array())
      for (const auto& reason : *list)
        if (reason.is_string())
          reasons += (reasons.empty() ? "" : "; ") + log::escaped(reason.get<std::string>(), 200);
    const bool is_ready = answer.status == 200;
    tell(is_ready, "ready",
         reasons.empty() ? (is_ready ? "clients are taken" : "not yet") : reasons);
  }

  // Where clients connect the bridge asks for an upgrade.
  void serves_clients() {
    const Url& url = calls_.url();
    const int status = calls_.ask(url.path.empty() ? "/" : url.path).status;
    const bool here = status == 426 || url.path.empty();
    tell(here, "clients",
         here ? "they connect at " + url.websocket()
              : url.path + " answered " + std::to_string(status) +
                    ": server.path is another one, or a proxy does not pass it on");
  }

  void measured() {
    const HttpAnswer answer = calls_.ask("/metrics");
    if (answer.status != 200) return note("metrics", "not for everyone here, and not looked at");
    if (const auto reloaded = metric(answer.body, "zws_config_last_reload_successful"))
      tell(*reloaded != 0, "configuration",
           *reloaded != 0 ? "in force"
                          : "the last reload was refused, the one before is in force: see the log");
    if (const auto ends = metric(answer.body, "zws_tls_certificate_not_after"); ends && *ends > 0) {
      const double days = (*ends - static_cast<double>(std::time(nullptr))) / seconds_of_day;
      tell(days >= certificate_days_min, "certificate",
           days < 0 ? "has ended" : "ends in " + std::to_string(static_cast<long>(days)) + " days");
    }
    if (const auto producers = metric(answer.body, "zws_producers"))
      note("producers", std::to_string(static_cast<long>(*producers)) + " connected");
    if (const auto clients = metric(answer.body, "zws_connections"))
      note("connections", std::to_string(static_cast<long>(*clients)));
  }

  void tell(bool well, const std::string& what, const std::string& why) {
    if (!well) return ill(what, why);
    line("ok  ", what, why);
  }
  void ill(const std::string& what, const std::string& why) {
    well_ = false;
    line("ILL ", what, why);
  }
  void note(const std::string& what, const std::string& value) { line("    ", what, value); }

  void line(const char* mark, std::string what, const std::string& text) {
    constexpr std::size_t width = 15;
    what.resize(std::max(width, what.size()), ' ');
    out_ += mark + what + text + '\n';
  }

  AdminCalls calls_;
  std::string out_;
  bool well_ = true;
};

Exit check(const CheckOptions& options) { return Check(options).run(); }

}  // namespace

void add_check(CLI::App& app, Run& run) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command = app.add_subcommand("check", "Whether a bridge is well, in one look");
  add_place_options(*command, options->login);
  command->footer(
      "Ends with 0 where the bridge is well, else with 1, and says why. It needs no token.\n\n"
      "Examples:\n"
      "  zws check\n"
      "  zws check --url https://bridge.example || page-somebody");
  command->callback([options, &run] { run = [options] { return check(*options); }; });
}

}  // namespace zws::tool
