// zws check: whether a bridge is well, in one look.

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

// The sum of its samples that have this label, whole; 0 where there is none.
double sum(const std::string& text, const std::string& name, const std::string& label = {}) {
  const std::string start = '\n' + name + '{';
  const std::string page = '\n' + text;
  double all = 0;
  for (std::size_t at = page.find(start); at != page.npos; at = page.find(start, at + 1)) {
    const std::string line = page.substr(at + 1, page.find('\n', at + 1) - at - 1);
    const std::size_t value = line.rfind(' ');
    if (value != line.npos && line.find(label) != line.npos)
      all += std::strtod(line.c_str() + value, nullptr);
  }
  return all;
}

// What stands before "/readyz": a proxy's prefix, if clients connect below one.
std::vector<std::string> places(const std::string& path) {
  constexpr std::string_view usual = "/api/ws";
  if (path.size() <= usual.size() || path.substr(path.size() - usual.size()) != usual) return {""};
  return {path.substr(0, path.size() - usual.size()), ""};
}

// What an answer means that is not the bridge's; `otherwise` where its status does not tell.
std::string meaning(int status, const Url& url, const std::string& otherwise) {
  std::string means = otherwise;
  if (status == 502 || status == 504) means = "a proxy, and the bridge behind it does not answer";
  if (status == 400 && !url.tls) means = "it may speak TLS: write https:// or wss://";
  return std::to_string(status) + ": " + means;
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
    HttpAnswer answer;
    nlohmann::json json;
    const auto is_ours = [&json] { return json.is_object() && json.contains("ready"); };
    for (const std::string& place : places(calls_.url().path)) {
      answer = calls_.ask(place + "/readyz");
      json = nlohmann::json::parse(answer.body, nullptr, false);
      place_ = place;
      if (is_ours()) break;
    }
    if (!is_ours())
      return ill("ready", calls_.url().authority() + "/readyz answered " +
                              meaning(answer.status, calls_.url(), "this is no zwsbridge"));
    std::string reasons;
    if (const auto list = json.find("reasons"); list != json.end() && list->is_array())
      for (const auto& reason : *list)
        if (reason.is_string())
          reasons += (reasons.empty() ? "" : "; ") + log::escaped(reason.get<std::string>(), 200);
    if (answer.status != 200) return ill("ready", reasons.empty() ? "not yet" : reasons);
    // As a bridge says that is full or short of memory.
    const bool takes = reasons.find("new clients are answered 503") == reasons.npos;
    const std::string first = takes ? "clients are taken" : "no clients are taken";
    tell(takes, "ready", first + (reasons.empty() ? "" : "; " + reasons));
  }

  // Where clients connect the bridge asks for an upgrade.
  void serves_clients() {
    const Url& url = calls_.url();
    const int status = calls_.ask(url.path.empty() ? "/" : url.path).status;
    const bool here = status == 426 || url.path.empty();
    tell(here, "clients",
         here ? "they connect at " + url.websocket()
              : url.path + " answered " +
                    meaning(status, url,
                            "server.path is another one, or a proxy does not pass it on"));
  }

  void measured() {
    const HttpAnswer answer = calls_.ask(place_ + "/metrics");
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
      note("producers", std::to_string(static_cast<long>(*producers)) + " connected" +
                            (*producers > 0 ? "" : ": nothing can arrive but by REST"));
    if (const auto clients = metric(answer.body, "zws_connections"))
      note("connections", std::to_string(static_cast<long>(*clients)));
    const double limit = metric(answer.body, "zws_memory_limit_bytes").value_or(0);
    if (const auto resident = metric(answer.body, "process_resident_memory_bytes");
        resident && limit > 0)
      note("memory",
           std::to_string(static_cast<long>(100 * *resident / limit)) + " % of its limit");
    lost(answer.body);
  }

  // A bridge that has lost something may be well again; who asks because events are missing wants to know.
  void lost(const std::string& page) {
    const auto since_start = [this](double count, const std::string& what,
                                    const std::string& next) {
      if (count <= 0) return;
      note("since its start", std::to_string(static_cast<long>(count)) + ' ' + what + ": " + next);
    };
    since_start(sum(page, "zws_dropped_total", "reason=\"slow_consumer\""),
                "events dropped for clients that read too slowly",
                "zws connections --sort -dropped");
    since_start(sum(page, "zws_dropped_total", "reason=\"lane_overload\""),
                "events dropped for all clients of a busy thread", "server.threads");
    since_start(metric(page, "zws_ingest_gaps_total").value_or(0),
                "jumps in the numbers of producers", "zws sources --sort -missed");
    since_start(sum(page, "zws_ingest_rejected_total"), "events of producers refused",
                "see the log");
    since_start(sum(page, "zws_producers_refused_total"), "connections of producers refused",
                "see the log");
    since_start(sum(page, "zws_handshakes_total", "result=\"full\""),
                "clients refused because the bridge was full", "limits.connections");
    since_start(sum(page, "zws_handshakes_total", "result=\"short_of_memory\""),
                "clients refused for want of memory", "limits.memory_bytes");
    since_start(metric(page, "zws_closed_for_memory_total").value_or(0),
                "clients closed for want of memory", "limits.memory_bytes");
    since_start(metric(page, "zws_relay_unwritten_total").value_or(0), "events not kept in Redis",
                "see the log");
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
    constexpr std::size_t width = 17;
    what.resize(std::max(width, what.size()), ' ');
    out_ += mark + what + text + '\n';
  }

  AdminCalls calls_;
  std::string place_;
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
      "Ends with 0 where the bridge is well now, else with 1, and says why; what was lost since "
      "its start is\n"
      "told and makes it no less well. It needs no token.\n\n"
      "Examples:\n"
      "  zws check\n"
      "  zws check --url https://bridge.example || page-somebody");
  command->callback([options, &run] { run = [options] { return check(*options); }; });
}

}  // namespace zws::tool
