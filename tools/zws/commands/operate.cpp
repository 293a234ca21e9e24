// zws connections, topics, sources, rights, bridges, kick, broadcast, notify: the administrator's calls,
// as tables.

#include <memory>
#include <optional>

#include "admin_calls.hpp"
#include "command.hpp"
#include "core/log.hpp"
#include "json_table.hpp"
#include "output.hpp"
#include "show.hpp"
#include "small_file.hpp"

namespace zws::tool {
namespace {

using Json = AdminCalls::Json;

struct OperateOptions {
  Login login;
  bool json = false;
  std::vector<std::string> names;  // of connections
  std::string user;
  std::string address;
  bool slow = false;
  std::string of;  // a file with the token that is asked about
  std::vector<std::string> roles;
  std::string search;
  std::string sort;
  std::vector<std::string> users;
  std::string topic;
  std::string message;
  std::string title;
  std::string content;
  std::string level = "info";
};
using Options = std::shared_ptr<OperateOptions>;

CLI::App* add(CLI::App& app, Run& run, const Options& options, const std::string& name,
              const std::string& text, Exit (*command)(const OperateOptions&),
              const std::string& examples) {
  CLI::App* added = app.add_subcommand(name, text);
  added->add_flag("--json", options->json, "The bridge's answers as they came, a line each");
  add_login_options(*added, options->login);
  added->footer(
      "For administrators. Without a token the one is taken that a bridge in open mode on this\n"
      "machine keeps for its administrator.\n\nExamples:\n" +
      examples);
  added->callback(
      [options, command, &run] { run = [options, command] { return command(*options); }; });
  return added;
}

Exit say(const OperateOptions& options, const Json& answer) {
  write_data(options.json ? json_line(answer.dump()) : json_table(answer, false));
  return Exit::done;
}

// What is asked of a list: "?sort=-queued&slow=true".
std::string query_of(const OperateOptions& options) {
  std::string query;
  const auto add = [&query](const char* name, const std::string& value) {
    if (!value.empty())
      query += (query.empty() ? "?" : "&") + std::string(name) + '=' + percent_encoded(value);
  };
  add("search", options.search);
  add("sort", options.sort);
  add("user", options.user);
  add("address", options.address);
  add("slow", options.slow ? "true" : "");
  return query;
}

// The rows of all pages as one table, or each page as it came.
Exit list(const OperateOptions& options, const std::string& what) {
  AdminCalls calls(options.login);
  Json rows = Json::array();
  calls.pages("/" + what + query_of(options), [&](const Json& page) {
    if (options.json) return write_data(json_line(page.dump()));
    const auto found = page.find(what);
    if (found != page.end() && found->is_array())
      rows.insert(rows.end(), found->begin(), found->end());
    return true;
  });
  if (options.json) return Exit::done;
  if (rows.empty()) {
    talk("zws: there are no " + what);
    return Exit::done;
  }
  write_data(json_columns(rows));
  return Exit::done;
}

// The one that is named, or all.
Exit list_or_one(const OperateOptions& options, const std::string& what) {
  if (options.names.empty()) return list(options, what);
  if (!query_of(options).empty())
    throw Failure(Exit::usage,
                  "what is named is shown as it is: --search, --sort and others choose from all");
  AdminCalls calls(options.login);
  for (const std::string& name : options.names) {
    const bool topic = what == "topics";  // by its name in the query, which no proxy decodes
    say(options, calls.get('/' + what + (topic ? "?topic=" : "/") + percent_encoded(name)));
  }
  return Exit::done;
}

Exit connections(const OperateOptions& options) { return list_or_one(options, "connections"); }
Exit topics(const OperateOptions& options) { return list_or_one(options, "topics"); }

void add_choice(CLI::App& command, const Options& options, const std::string& searched,
                const std::string& orders) {
  command.add_option("--search", options->search, "Those that hold this text in " + searched);
  command.add_option("--sort", options->sort, "By one of " + orders + "; -NAME: the largest first")
      ->type_name("[-]NAME");
}

Exit kick(const OperateOptions& options) {
  if (options.names.empty() == options.user.empty())
    throw Failure(Exit::usage, "name connections by their client_id, or one user with --user");
  AdminCalls calls(options.login);
  if (!options.user.empty())
    return say(options, calls.remove("/users/" + percent_encoded(options.user) + "/connections"));
  // One that has gone already keeps none of the others.
  std::optional<Failure> failed;
  for (const std::string& id : options.names) {
    try {
      say(options, calls.remove("/connections/" + percent_encoded(id)));
    } catch (const Failure& failure) {
      if (failed) talk(std::string("zws: ") + failed->what());
      failed = failure;
    }
  }
  if (failed) throw *failed;
  return Exit::done;
}

Exit broadcast(const OperateOptions& options) {
  const std::string text =
      options.message == "-" ? read_small_file("the message", "-") : options.message;
  if (!Json::parse(text, nullptr, false).is_object())
    throw Failure(Exit::usage,
                  "the message must be a JSON object such as '{\"type\":\"maintenance\"}', not '" +
                      log::escaped(text, 100) + "'");
  std::string body = "{\"message\":" + text;  // byte for byte
  if (!options.topic.empty()) body += ",\"topic\":" + Json(options.topic).dump();
  AdminCalls calls(options.login);
  return say(options, calls.post("/broadcast", body + '}'));
}

Exit notify(const OperateOptions& options) {
  Json body{{"title", options.title}, {"content", options.content}, {"level", options.level}};
  if (!options.users.empty()) body["target_users"] = options.users;
  AdminCalls calls(options.login);
  return say(options, calls.post("/notify", body.dump()));
}

Exit sources(const OperateOptions& options) { return list(options, "sources"); }

// Names are topics that are asked for.
Exit rights(const OperateOptions& options) {
  if (options.of.empty() == options.user.empty())
    throw Failure(Exit::usage, "name a user with --user, or a file that holds a token with --of");
  if (!options.of.empty() && !options.roles.empty())
    throw Failure(Exit::usage, "--role goes with --user; a token says its roles itself");
  Json body;
  if (options.of.empty()) {
    body = {{"user", options.user}, {"roles", options.roles}};
  } else {
    body = {{"token", read_small_file("the token", options.of)}};
  }
  if (!options.names.empty()) body["topics"] = options.names;
  AdminCalls calls(options.login);
  const Json answer = calls.post("/rights", body.dump());
  say(options, answer);
  return answer.value("valid", false) ? Exit::done : Exit::failed;
}

Exit bridges(const OperateOptions& options) {
  AdminCalls calls(options.login);
  const Json answer = calls.get("/bridges");
  write_data(options.json ? json_line(answer.dump()) : json_columns(answer.at("bridges")));
  return Exit::done;
}

Options fresh() { return std::make_shared<OperateOptions>(); }

}  // namespace

void add_connections(CLI::App& app, Run& run) {
  const Options options = fresh();
  CLI::App* command =
      add(app, run, options, "connections", "Who is connected", connections,
          "  zws connections --slow --sort -queued\n"
          "  zws connections 4f8e0c8e-4e1c-4c0f-9d0a-2f6f1c1d7a11\n"
          "  zws connections --json | jq -r '.connections[] | select(.dropped > 0).client_id'");
  command->add_option("CLIENT_ID", options->names, "One of them, with what it subscribed to");
  add_choice(
      *command, options, "client_id, user or address",
      "client_id, user, address, connected, subscriptions, delivered, dropped, queued, rate");
  command->add_option("--user", options->user, "Those of this user");
  command->add_option("--address", options->address, "Those from this address");
  command->add_flag("--slow", options->slow, "Those for whom something waits at this moment");
}

void add_topics(CLI::App& app, Run& run) {
  const Options options = fresh();
  CLI::App* command =
      add(app, run, options, "topics", "Which topics and patterns there are", topics,
          "  zws topics --sort -rate --search import\n"
          "  zws topics import:task-1\n"
          "  zws topics --url https://bridge.example --token-file ops.token");
  command->add_option("TOPIC", options->names,
                      "One of them, with its route, sources and receivers");
  add_choice(*command, options, "their names", "topic, subscribers, events, rate");
}

void add_sources(CLI::App& app, Run& run) {
  const Options options = fresh();
  CLI::App* command =
      add(app, run, options, "sources", "Which sources write to which topics", sources,
          "  zws sources --sort -missed\n"
          "  zws sources --search import --json");
  add_choice(*command, options, "topic or source", "topic, src, seq, missed, heard");
}

void add_rights(CLI::App& app, Run& run) {
  const Options options = fresh();
  CLI::App* command = add(app, run, options, "rights", "What somebody may hear, and why", rights,
                          "  zws rights --of user.token\n"
                          "  zws rights --user ada --role ops,dev import:task-1 '*'");
  command->add_option("TOPIC", options->names, "Topics or patterns: may these be heard, and why");
  command->add_option("--of", options->of, "The token in this file (- is stdin)")
      ->type_name("FILE");
  command->add_option("--user", options->user, "A user in place of a token");
  command->add_option("--role", options->roles, "The roles of this user")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("ROLE,...");
}

void add_bridges(CLI::App& app, Run& run) {
  add(app, run, fresh(), "bridges", "Which bridges there are", bridges,
      "  zws bridges\n"
      "  zws bridges --json | jq -r '.bridges[].version'");
}

void add_kick(CLI::App& app, Run& run) {
  const Options options = fresh();
  CLI::App* command = add(app, run, options, "kick", "Throw out connections or a user", kick,
                          "  zws kick 4f8e0c8e-4e1c-4c0f-9d0a-2f6f1c1d7a11\n"
                          "  zws kick --user ada");
  command->add_option("CLIENT_ID", options->names, "Connections, as `zws connections` lists them");
  command->add_option("--user", options->user, "All connections of this user");
}

void add_broadcast(CLI::App& app, Run& run) {
  const Options options = fresh();
  CLI::App* command =
      add(app, run, options, "broadcast", "Tell every connection, or a topic", broadcast,
          "  zws broadcast '{\"type\":\"maintenance\",\"at\":\"22:00\"}'\n"
          "  zws broadcast --topic news - < message.json");
  command->add_option("MESSAGE", options->message, "A JSON object; - is stdin")->required();
  command->add_option("--topic", options->topic, "To the subscribers of this topic only")
      ->check(
          [](const std::string& topic) {  // such as that of a variable of the shell that is not set
            return topic.empty() ? "a topic has a name; without --topic every connection is told"
                                 : "";
          });
}

void add_notify(CLI::App& app, Run& run) {
  const Options options = fresh();
  CLI::App* command = add(app, run, options, "notify", "Send a notification", notify,
                          "  zws notify 'Nightly report' 'It is ready.' --level success\n"
                          "  zws notify 'Your import is done' --user ada,bob");
  command->add_option("TITLE", options->title, "Its title")->required();
  command->add_option("CONTENT", options->content, "Its text");
  command->add_option("--level", options->level, "How it is meant")
      ->type_name("info|success|warning|error")
      ->check(CLI::IsMember({"info", "success", "warning", "error"}).description(""))
      ->capture_default_str();
  command
      ->add_option("--user", options->users,
                   "To all connections of these users, in place of the topic notifications")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("USER,...");
}

}  // namespace zws::tool
