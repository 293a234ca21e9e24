#include "config/advice.hpp"

#include <sys/stat.h>

#include <utility>

#include "config/complaint.hpp"
#include "config/keys.hpp"
#include "core/topic.hpp"

namespace zws {
namespace config {
namespace {

class Adviser {
 public:
  Adviser(const Config& config, const Origins& origins) : config_(config), origins_(origins) {}

  std::vector<std::string> lines;

  void routes() {
    for (std::size_t i = 0; i < config_.routes.size(); ++i) {
      hidden(i);
      replay(i);
      key(i);
    }
  }

  // Without a key nobody has a token, and everyone may read everything.
  void auth_without_key() {
    if (config_.auth.has_key()) return;
    const Config plain;
    for (const ConfigKey& key : config_keys()) {
      const bool is_of_auth = key.name.substr(0, auth_prefix.size()) == auth_prefix;
      if (!is_of_auth || key.name == "auth.open" || key.name == "auth.admin_token_file") continue;
      if (toml_text(*key.get(config_)) == toml_text(*key.get(plain))) continue;
      add(std::string(key.name), "", *key.get(config_), no_key);
    }
    for (const auto& [name, role] : config_.auth.roles) {
      for (const RoleKey& key : role_keys()) {
        const std::string path = std::string(role_table) + '.' + name + '.' + std::string(key.name);
        if (origins_.count(path) > 0) add(path, "", *key.get(role), no_key);
      }
    }
  }

  // "A" in place of a list is a list of it, so "A,B" is one element.
  void commas() {
    for (const ConfigKey& key : config_keys()) {
      const std::string name(key.name);
      if (key.is_list && is_loose(name)) comma(name, *key.get(config_));
    }
    for (const auto& [role, rights] : config_.auth.roles) {
      const std::string name = std::string(role_table) + '.' + role + ".subscribe";
      if (is_loose(name)) comma(name, rights.subscribe);
    }
  }

  // A path is no secret: others know it, or guess it.
  void secrets() {
    for (const auto& [name, text] :
         {std::pair{"auth.hs256_secret", config_.auth.hs256_secret},
          std::pair{"auth.hs256_previous_secret", config_.auth.hs256_previous_secret}}) {
      struct stat about {};
      const bool is_path = text.find('/') != std::string::npos;
      if (!is_path || ::stat(text.c_str(), &about) != 0 || !S_ISREG(about.st_mode)) continue;
      add(name, "", text,
          "is the path of a file, and taken as the secret itself; write it as " +
              std::string(name) + "_file");
    }
  }

  void ingest() {
    const IngestConfig& ingest = config_.ingest;
    if (!ingest.bind.empty() || !ingest.connect.empty()) return;
    add("ingest.bind", "", ingest.bind,
        "no producer is heard, as ingest.connect is empty, too; only REST can publish");
  }

  void path() {
    const std::string& path = config_.server.path;
    for (const std::string_view own : own_paths) {
      if (path == own)
        return add("server.path", "", path,
                   "this is a page of the bridge's own, and clients would "
                   "hide it or it them; \"/api/ws\" is free");
    }
  }

  // A mark that is not filled in is taken literally, and no topic is called so.
  void rights(const std::string& name, const std::vector<std::string>& patterns, bool has_user) {
    for (std::size_t i = 0; i < patterns.size(); ++i) {
      if (takes_nothing(patterns[i])) {
        add(name, '[' + std::to_string(i) + ']', patterns[i], reserved);
        continue;
      }
      const std::string mark = odd_mark(patterns[i], has_user);
      if (mark.empty()) continue;
      add(name, '[' + std::to_string(i) + ']', patterns[i],
          mark == user_mark ? "has no effect, as without a token there is no {user}"
                            : "has no effect, as " + mark + " is no mark; {user} is one");
    }
  }

 private:
  static constexpr std::string_view user_mark = "{user}";
  static constexpr std::string_view auth_prefix = "auth.";
  static constexpr const char* no_key =
      "has no effect, as no key in [auth] is set and there are no tokens without one";
  static constexpr const char* reserved =
      "has no effect, as no '*' takes a topic that begins with '@'; write @all or one @user/NAME";
  static constexpr std::string_view own_paths[] = {
      "/",          "/healthz",       "/readyz",     "/metrics",       "/openapi.json",
      "/client.js", "/client.js.map", "/client.mjs", "/client.mjs.map"};

  // Of the names that begin with '@' only two kinds are topics, and they have to be named whole.
  static bool takes_nothing(const std::string& text) {
    return is_reserved(text) &&
           (text.find('*') != std::string::npos || topic_fault(text) == TopicFault::reserved);
  }

  // The first {...} of a right that nothing is put in place of.
  static std::string odd_mark(std::string_view text, bool has_user) {
    for (std::size_t begin = 0; (begin = text.find('{', begin)) != std::string_view::npos;
         ++begin) {
      const std::size_t end = text.find('}', begin);
      if (end == std::string_view::npos) return {};
      const std::string_view mark = text.substr(begin, end + 1 - begin);
      if (!has_user || mark != user_mark) return std::string(mark);
    }
    return {};
  }

  // Whether the value is from where a text may stand for a list of one.
  bool is_loose(const std::string& name) const {
    const auto origin = origins_.find(name);
    return origin != origins_.end() &&
           (origin->second == "--set" || origin->second.rfind("ZWSBRIDGE_", 0) == 0);
  }

  // The name of a group in LDAP has commas of its own: cn=ops,dc=example.
  void comma(const std::string& name, const Value& value) {
    const auto* list = std::get_if<std::vector<std::string>>(&value);
    const auto* text = std::get_if<std::string>(&value);
    if (list && list->size() == 1) text = &list->front();
    if (!text || text->find(',') == std::string::npos || text->find('=') != std::string::npos)
      return;
    add(name, "", *text, R"(is one with a comma in it; write several as ["a", "b"])");
  }

  static std::string route_name(std::size_t i) { return "route[" + std::to_string(i) + ']'; }

  void hidden(std::size_t i) {
    const auto mine = Pattern::parse(config_.routes[i].match);
    if (takes_nothing(config_.routes[i].match))
      return add(route_name(i) + ".match", "", config_.routes[i].match, reserved);
    for (std::size_t before = 0; before < i; ++before) {
      const auto other = Pattern::parse(config_.routes[before].match);
      if (!mine || !other || !other->covers(*mine)) continue;
      return add(route_name(i) + ".match", "", mine->text(),
                 "has no effect, as " + route_name(before) + " comes first and matches all of it");
    }
  }

  void replay(std::size_t i) {
    const RouteConfig& route = config_.routes[i];
    const std::size_t history = route.history.value_or(config_.history.size);
    const std::string name = route_name(i) + ".replay";
    const auto value = static_cast<std::int64_t>(route.replay);
    if (route.replay > history) {
      add(name, "", value, "no more are there than its history keeps, " + std::to_string(history));
    } else if (const std::size_t most = config_.limits.replay_events; route.replay > most) {
      add(name, "", value, "no more come than limits.replay_events, " + std::to_string(most));
    }
  }

  void key(std::size_t i) {
    const RouteConfig& route = config_.routes[i];
    if (route.key.empty() || route.overflow == Overflow::conflate) return;
    add(route_name(i) + ".key", "", route.key,
        R"(has no effect, as only overflow = "conflate" uses it)");
  }

  // `element` is where in a list the value is; origins know only the list.
  void add(const std::string& name, const std::string& element, const Value& value,
           const std::string& why) {
    const auto origin = origins_.find(name);
    lines.push_back(
        remark(origin == origins_.end() ? "default" : origin->second, name + element, value, why));
  }

  const Config& config_;
  const Origins& origins_;
};

}  // namespace
}  // namespace config

std::vector<std::string> advice(const Config& config, const Origins& origins) {
  config::Adviser adviser(config, origins);
  adviser.path();
  adviser.ingest();
  adviser.secrets();
  adviser.auth_without_key();
  adviser.commas();
  adviser.rights("auth.anonymous.subscribe", config.auth.anonymous.subscribe, false);
  adviser.rights("auth.user.subscribe", config.auth.user.subscribe, true);
  for (const auto& [name, role] : config.auth.roles)
    adviser.rights("auth.roles." + name + ".subscribe", role.subscribe, true);
  adviser.routes();
  return std::move(adviser.lines);
}

}  // namespace zws
