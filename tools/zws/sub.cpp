// zws sub: listens to topics through the bridge, as a browser does.

#include <memory>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "core/log.hpp"
#include "core/pattern.hpp"
#include "duration.hpp"
#include "login.hpp"
#include "output.hpp"
#include "received.hpp"
#include "show.hpp"
#include "since.hpp"
#include "ws_client.hpp"

namespace zws::tool {
namespace {

struct SubOptions {
  std::vector<std::string> topics;
  std::uint64_t count = 0;  // 0: no end
  std::string timeout;
  std::vector<std::string> since;
  std::uint64_t last = 0;
  Format format = Format::json;
  bool quiet = false;
  Login login;
};

std::string member(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// "code: message", as far as the bridge gave them, made safe for a line.
std::string reason_of(const nlohmann::json& answer) {
  const std::string code = member(answer, "code");
  const std::string message = member(answer, "message");
  return log::escaped(message.empty() ? code : code + ": " + message, 400);
}

Exit exit_of(const std::string& code) {
  if (code == "forbidden" || code == "unauthorized" || code == "invalid_token" ||
      code == "token_expired")
    return Exit::denied;
  return code == "invalid_topic" ? Exit::usage : Exit::failed;
}

class Subscription {
 public:
  explicit Subscription(const SubOptions& options)
      : options_(options),
        since_(options.topics, options.since),
        url_(Url::parse(options.login.url)),
        client_(url_, token_of(options.login), options.login.tls,
                {[this] { ask(); },
                 [this](std::string_view message, bool binary) { received(message, binary); }}) {}

  Exit run() {
    const SteadyTime start = Clock::real().steady();
    const SteadyTime deadline = options_.timeout.empty()
                                    ? SteadyTime::max()
                                    : start + parse_duration("--timeout", options_.timeout);
    const WsEnd end = client_.run(deadline);
    if (failure_) throw *failure_;
    return conclude(end);
  }

 private:
  void ask() {
    std::vector<std::string> together;
    for (const std::string& topic : options_.topics) {
      const std::string since = since_.json_for(topic);
      if (since.empty())
        together.push_back(topic);
      else
        client_.send(R"({"type":"subscribe","topic":)" + nlohmann::json(topic).dump() +
                     R"(,"since":)" + since + "}");
    }
    nlohmann::json request{{"type", "subscribe"}, {"topics", together}};
    if (options_.last != 0) request["last"] = options_.last;
    if (!together.empty()) client_.send(request.dump());
  }

  void received(std::string_view message, bool binary) {
    const ReceivedKind kind = kind_of(message, binary);
    if (kind == ReceivedKind::control) return control(message);
    if (!write_data(shown(message, kind))) return client_.stop();
    if (++events_ == options_.count) client_.stop();
  }

  std::string shown(std::string_view message, ReceivedKind kind) const {
    const bool event = kind == ReceivedKind::event;
    switch (options_.format) {
      case Format::payload: return bare(payload_of(message));
      case Format::pretty:
        return event ? pretty(topic_of(message), id_of(message), payload_of(message))
                     : pretty("", "", message);
      case Format::json: break;
    }
    return event ? json_line(one_line(message)) : bare(message);
  }

  void control(std::string_view message) {
    if (!options_.quiet) talk(printable_json(one_line(message)));
    const nlohmann::json answer = nlohmann::json::parse(message, nullptr, false);
    const std::string type = member(answer, "type");
    if (type == "connection") connected(answer);
    if (type == "subscribed" && answer.value("success", false)) ++subscribed_;
    if (type == "subscribed" && !answer.value("success", false)) {
      const std::string topic =
          "cannot listen to '" + log::escaped(member(answer, "topic")) + "': ";
      fail(exit_of(member(answer, "code")), topic + reason_of(answer));
    }
    // Rights can shrink while we listen.
    if (type == "unsubscribed" && --subscribed_ == 0)
      fail(Exit::denied, "the bridge ended the last subscription: " + reason_of(answer));
    if (type == "error") last_error_ = {member(answer, "code"), reason_of(answer)};
  }

  void connected(const nlohmann::json& answer) {
    connected_ = true;
    const auto heartbeat = answer.find("heartbeat");
    if (heartbeat == answer.end() || !heartbeat->is_number() || *heartbeat <= 0) return;
    // A bridge that is well pings this often; two may be late.
    const double silence = std::min(3 * heartbeat->get<double>() + 5, 86400.0);
    client_.expect_life(std::chrono::seconds(static_cast<std::int64_t>(silence)));
  }

  void fail(Exit exit, const std::string& line) {
    if (!failure_) failure_ = std::make_unique<Failure>(exit, line);
    client_.stop();
  }

  Exit conclude(const WsEnd& end) const {
    const std::string where = url_.websocket();
    const std::string reason = log::escaped(end.reason, 200);
    switch (end.cause) {
      case WsEnd::Cause::stopped:
      case WsEnd::Cause::reader_gone: return Exit::done;
      case WsEnd::Cause::deadline:
        if (!connected_)
          throw Failure(Exit::cannot_connect,
                        "cannot connect to " + where + " in " + options_.timeout);
        if (options_.count == 0) return Exit::done;
        throw Failure(Exit::timed_out, std::to_string(events_) + " of " +
                                           std::to_string(options_.count) + " messages came in " +
                                           options_.timeout);
      case WsEnd::Cause::not_connected:
        throw Failure(Exit::cannot_connect, "cannot connect to " + where + ": " + reason);
      case WsEnd::Cause::refused:
        throw Failure(end.code == 401 || end.code == 403 ? Exit::denied : Exit::cannot_connect,
                      where + " answered " + std::to_string(end.code) + " " + reason);
      case WsEnd::Cause::silent:
        throw Failure(Exit::failed, "the bridge at " + where + " gives no sign of life any more");
      case WsEnd::Cause::closed: break;
    }
    closed(end.code, reason);
  }

  [[noreturn]] void closed(int code, const std::string& reason) const {
    std::string line = "the bridge closed the connection: " + std::to_string(code);
    if (!reason.empty()) line += " " + reason;
    if (!last_error_.second.empty()) line += " (" + last_error_.second + ")";
    if (code == 4401 || code == 4403) throw Failure(Exit::denied, line);
    // Full: it let us in only to say so.
    if (!connected_) throw Failure(Exit::cannot_connect, line);
    throw Failure(Exit::failed, line);
  }

  const SubOptions& options_;
  const Since since_;
  const Url url_;
  WsClient client_;
  std::uint64_t events_ = 0;
  std::uint64_t subscribed_ = 0;
  bool connected_ = false;
  std::pair<std::string, std::string> last_error_;  // code, reason
  std::unique_ptr<Failure> failure_;
};

Exit sub(const SubOptions& options) {
  for (const std::string& topic : options.topics)
    if (!Pattern::parse(topic))
      throw Failure(Exit::usage,
                    "'" + log::escaped(topic) +
                        "' is neither a topic nor a pattern such as import:* or a.*.c");
  return Subscription(options).run();
}

}  // namespace

void add_sub(CLI::App& app, Run& run) {
  auto options = std::make_shared<SubOptions>();
  CLI::App* command =
      app.add_subcommand("sub", "Listen to topics through the bridge, as a browser");
  command->add_option("TOPIC", options->topics, "Topics or patterns, such as import:* or a.*.c")
      ->required();
  command->add_option("--count", options->count, "End after so many messages")
      ->check(CLI::PositiveNumber);
  command->add_option("--timeout", options->timeout, "End after this time; with --count unmet: 5")
      ->type_name("TIME");
  command
      ->add_option("--since", options->since,
                   "What came after this id: SRC:SEQ, or TOPIC=SRC:SEQ where several topics are")
      ->type_name("ID")
      ->allow_extra_args(false);
  command->add_option("--last", options->last, "First the newest N messages of each topic")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  add_format_option(*command, options->format);
  command->add_flag("--quiet,-q", options->quiet, "No control messages on stderr");
  add_login_options(*command, options->login);
  command->footer(
      "Messages go to stdout; what the bridge says besides goes to stderr.\n"
      "Ends with 3 when it cannot connect, 4 when it is denied, 5 when --timeout passed with\n"
      "--count unmet, 1 when the connection was lost.\n\n"
      "Examples:\n"
      "  zws sub 'import:*'\n"
      "  zws sub wallet_updates --count 1 --timeout 10 --format payload\n"
      "  ZWS_TOKEN=$(zws token --user ada --secret-file secret) zws sub notifications @user/ada\n"
      "  zws sub orders --since k3J9xQ:17 --format pretty");
  command->callback([options, &run] { run = [options] { return sub(*options); }; });
}

}  // namespace zws::tool
