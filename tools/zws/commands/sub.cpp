// zws sub: listens to topics through the bridge, as a browser does.

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "above_zero.hpp"
#include "comeback.hpp"
#include "command.hpp"
#include "core/log.hpp"
#include "core/pattern.hpp"
#include "duration.hpp"
#include "login.hpp"
#include "output.hpp"
#include "positions.hpp"
#include "received.hpp"
#include "show.hpp"
#include "since.hpp"
#include "subscribing.hpp"
#include "ws_client.hpp"

namespace zws::tool {
namespace {

constexpr std::chrono::milliseconds look_interval{250};  // how soon a gone reader is noticed

struct SubOptions {
  std::vector<std::string> topics;
  std::uint64_t count = 0;  // 0: no end
  std::string timeout;
  std::vector<std::string> since;
  std::uint64_t last = 0;
  Format format = Format::json;
  bool once = false;
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
  return printable_line(message.empty() ? code : code + ": " + message, 400);
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
        token_(token_of(options.login)),
        positions_(options.topics) {
    begin_from_since();
  }

  Exit run() {
    const SteadyTime deadline =
        options_.timeout.empty()
            ? SteadyTime::max()
            : Clock::real().steady() + parse_duration("--timeout", options_.timeout);
    for (;;) {
      const WsEnd end = connect(deadline);
      if (failure_) throw *failure_;
      if (!comes_back(end)) return conclude(end);
      if (!options_.quiet && comeback_.is_worth_a_line(lost(end)))
        talk("zws: " + lost(end) + "; coming back");
      if (const auto ended = wait(deadline)) return conclude(*ended);
      has_new_token();
    }
  }

 private:
  WsEnd connect(SteadyTime deadline) {
    last_error_ = {};
    subscribed_ = 0;
    WsClient client(url_, token_, options_.login.tls,
                    {[this] { ask(); },
                     [this](std::string_view message, bool binary) { received(message, binary); }});
    client_ = &client;
    const WsEnd end = client.run(deadline);
    client_ = nullptr;
    return end;
  }

  // Nothing, or how the command ends in the meantime.
  std::optional<WsEnd> wait(SteadyTime deadline) {
    const SteadyTime until = Clock::real().steady() + comeback_.next_pause();
    for (;;) {
      const SteadyTime now = Clock::real().steady();
      if (reader_has_gone()) return WsEnd{WsEnd::Cause::reader_gone, 0, {}};
      if (now >= deadline) return WsEnd{WsEnd::Cause::deadline, 0, {}};
      if (now >= until) return std::nullopt;
      std::this_thread::sleep_until(std::min({until, deadline, now + look_interval}));
    }
  }

  // Whether the token's file holds another one by now, as those do that Kubernetes renews: from now on it is
  // that. What is no file is read once: a pipe would give nothing, or keep us waiting.
  bool has_new_token() {
    const std::string& file = options_.login.token_file;
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(file, ignored)) return false;
    try {
      const std::string before = std::exchange(token_, token_of(options_.login));
      return token_ != before;
    } catch (const Failure& failure) {
      talk(std::string("zws: ") + failure.what() + "; the token stays");
      return false;
    }
  }

  // Who was never connected is told so at once; after that what passes is waited for.
  bool comes_back(const WsEnd& end) {
    if (options_.once || !connected_) return false;
    switch (end.cause) {
      case WsEnd::Cause::stopped:
      case WsEnd::Cause::deadline:
      case WsEnd::Cause::reader_gone: return false;
      case WsEnd::Cause::not_connected:
      case WsEnd::Cause::silent: return true;
      case WsEnd::Cause::refused: return end.code >= 500 || end.code == 429;
      case WsEnd::Cause::closed: break;
    }
    if (end.code == 4401) return has_new_token();
    constexpr int for_good[] = {1002, 1003, 1007, 1009, 4400, 4403};
    return std::find(std::begin(for_good), std::end(for_good), end.code) == std::end(for_good);
  }

  // Where --since begins, in case the connection is lost before it has brought anything.
  void begin_from_since() {
    for (const std::string& name : options_.topics) {
      const auto given = nlohmann::json::parse(since_.json_for(name), nullptr, false);
      if (given.is_array())
        for (const auto& position : given) positions_.event(name, position.get<std::string>());
      if (given.is_object())
        for (const auto& [topic, positions] : given.items())
          for (const auto& position : positions)
            positions_.event(topic, position.get<std::string>());
    }
  }

  std::string since(const std::string& topic) const {
    const bool again = answered_.count(topic) != 0;
    return again ? positions_.since(topic) : since_.json_for(topic);
  }

  // Topics before patterns: what a pattern has brought is not replayed for the topic.
  void ask() {
    std::vector<std::string> names = options_.topics;
    std::stable_partition(names.begin(), names.end(), [](const std::string& name) {
      return Pattern::parse(name)->is_literal();
    });
    std::vector<Wanted> wanted;
    for (const std::string& topic : names) wanted.push_back({topic, since(topic)});
    for (const std::string& message : subscribe_messages(wanted, options_.last))
      client_->send(message);
  }

  void received(std::string_view message, bool binary) {
    const ReceivedKind kind = kind_of(message, binary);
    if (kind == ReceivedKind::control) return control(message);
    if (kind == ReceivedKind::event && !options_.once)
      positions_.event(topic_of(message), id_of(message));
    if (!write_data(shown(message, kind))) return client_->stop();
    if (++events_ == options_.count) client_->stop();
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
    if (type == "gap") positions_.gap(answer);
    if (type == "subscribed" && answer.value("success", false)) subscribed(answer);
    if (type == "subscribed" && !answer.value("success", false)) refused(answer);
    // Rights can shrink while we listen.
    if (type == "unsubscribed" && --subscribed_ == 0)
      fail(Exit::denied, "the bridge ended the last subscription: " + reason_of(answer));
    if (type == "error") last_error_ = {member(answer, "code"), reason_of(answer)};
  }

  void subscribed(const nlohmann::json& answer) {
    const std::string topic = member(answer, "topic");
    ++subscribed_;
    comeback_.succeeded();
    positions_.subscribed(answer);
    const bool again = !answered_.insert(topic).second;
    if (again && !answer.value("recovered", true))
      talk("zws: what was missed on '" + log::escaped(topic, 255) + "' can no longer be had");
  }

  void refused(const nlohmann::json& answer) {
    const std::string topic = member(answer, "topic");
    const std::string code = member(answer, "code");
    // Where it stood is of no use there, as of a raw route, whose events have no ids.
    if (code == "invalid_message" && answered_.count(topic) != 0) {
      talk("zws: what was missed on '" + log::escaped(topic, 255) +
           "' cannot be had: " + reason_of(answer));
      answered_.erase(topic);
      return client_->send(nlohmann::json{{"type", "subscribe"}, {"topic", topic}}.dump());
    }
    fail(exit_of(code), "cannot listen to '" + log::escaped(topic) + "': " + reason_of(answer));
  }

  void connected(const nlohmann::json& answer) {
    connected_ = true;
    const auto heartbeat = answer.find("heartbeat");
    if (heartbeat == answer.end() || !heartbeat->is_number() || *heartbeat <= 0) return;
    // A bridge that is well pings this often; two may be late.
    const double silence = std::min(3 * heartbeat->get<double>() + 5, 86400.0);
    client_->expect_life(std::chrono::seconds(static_cast<std::int64_t>(silence)));
  }

  void fail(Exit exit, const std::string& line) {
    if (!failure_) failure_ = std::make_unique<Failure>(exit, line);
    client_->stop();
  }

  Exit conclude(const WsEnd& end) const {
    switch (end.cause) {
      case WsEnd::Cause::stopped:
      case WsEnd::Cause::reader_gone: return Exit::done;
      case WsEnd::Cause::deadline:
        if (!connected_)
          throw Failure(Exit::cannot_connect,
                        "cannot connect to " + url_.websocket() + " in " + timeout() +
                            ": nobody answers; is it this port, and ws:// or wss://?");
        if (options_.count == 0) return Exit::done;
        throw Failure(Exit::timed_out, std::to_string(events_) + " of " +
                                           std::to_string(options_.count) + " messages came in " +
                                           timeout());
      case WsEnd::Cause::refused:
        throw Failure(end.code == 401 || end.code == 403 ? Exit::denied : Exit::cannot_connect,
                      lost(end));
      case WsEnd::Cause::not_connected: throw Failure(Exit::cannot_connect, lost(end));
      case WsEnd::Cause::silent: throw Failure(Exit::failed, lost(end));
      case WsEnd::Cause::closed: break;
    }
    if (end.code == 4401 || end.code == 4403) throw Failure(Exit::denied, lost(end));
    // Full: it let us in only to say so.
    throw Failure(connected_ ? Exit::failed : Exit::cannot_connect, lost(end));
  }

  // What a status says that is no bridge's, or not of where a bridge has its clients.
  std::string hint(int status) const {
    if (status == 404) return " (clients connect to /api/ws, or what server.path says)";
    if (status == 502 || status == 504) return " (a proxy; the bridge behind it does not answer)";
    return status == 400 && !url_.tls ? " (if it speaks TLS, write wss://)" : "";
  }

  std::string timeout() const {
    const bool bare = options_.timeout.find_first_not_of("0123456789.") == std::string::npos;
    return options_.timeout + (bare ? " s" : "");
  }

  std::string lost(const WsEnd& end) const {
    const std::string where = url_.websocket();
    const std::string reason = log::escaped(end.reason, 300);
    switch (end.cause) {
      case WsEnd::Cause::not_connected: return "cannot connect to " + where + ": " + reason;
      case WsEnd::Cause::refused:
        return where + " answered " + std::to_string(end.code) + " " + reason + hint(end.code);
      case WsEnd::Cause::silent:
        return "the bridge at " + where + " gives no sign of life any more";
      default: break;
    }
    std::string line = "the bridge closed the connection: " + std::to_string(end.code);
    if (!reason.empty()) line += " " + reason;
    if (!last_error_.second.empty()) line += " (" + last_error_.second + ")";
    return line;
  }

  const SubOptions& options_;
  const Since since_;
  const Url url_;
  std::string token_;
  WsClient* client_ = nullptr;  // while connected
  Positions positions_;
  Comeback comeback_;
  std::set<std::string> answered_;  // subscriptions that have been
  std::uint64_t events_ = 0;
  std::uint64_t subscribed_ = 0;
  bool connected_ = false;                          // ever
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
  command->add_option("--count", options->count, "End after so many messages")->check(above_zero());
  command->add_option("--timeout", options->timeout, "End after this time; with --count unmet: 5")
      ->type_name("TIME");
  command
      ->add_option("--since", options->since,
                   "What came after this id: SRC:SEQ, or TOPIC=SRC:SEQ where several topics are")
      ->type_name("ID")
      ->allow_extra_args(false);
  command->add_option("--last", options->last, "First the newest N messages of each topic")
      ->check(above_zero())
      ->type_name("N");
  add_format_option(*command, options->format);
  command->add_flag("--once", options->once, "End when the connection is lost");
  command->add_flag("--quiet,-q", options->quiet, "No control messages on stderr");
  add_login_options(*command, options->login);
  command->footer(
      "Messages go to stdout; what the bridge says besides goes to stderr. When the connection is\n"
      "lost it comes back with what it missed, and the token that --token-file holds by then. "
      "Ends\n"
      "with 3 when it cannot connect at first, 4 when it is denied, 5 when --timeout passed with\n"
      "--count unmet, 1 when it may not come back or shall not (--once).\n\n"
      "Examples:\n"
      "  zws sub 'import:*'\n"
      "  zws sub wallet_updates --count 1 --timeout 10 --format payload\n"
      "  ZWS_TOKEN=$(zws token --user ada --secret-file secret) zws sub notifications @user/ada\n"
      "  zws sub orders --since k3J9xQ:17 --format pretty");
  command->callback([options, &run] { run = [options] { return sub(*options); }; });
}

}  // namespace zws::tool
