#include "config/load.hpp"

#include <toml++/toml.h>

#include <charconv>
#include <optional>
#include <sstream>

#include "config/checks.hpp"
#include "config/complaint.hpp"
#include "config/config_file.hpp"
#include "config/keys.hpp"
#include "config/meant_time.hpp"
#include "config/secrecy.hpp"
#include "config/service_link.hpp"

namespace zws {
namespace config {
namespace {

constexpr std::string_view role_prefix = "auth.roles.";
constexpr std::string_view variable_prefix = "ZWSBRIDGE_";

// A node as a Value; what no key can hold becomes its own text.
Value value_of(const toml::node& node) {
  if (const auto* flag = node.as_boolean()) return flag->get();
  if (const auto* number = node.as_integer()) return number->get();
  if (const auto* text = node.as_string()) return text->get();
  if (node.is_table()) return Foreign{"{...}"};
  if (const auto* array = node.as_array()) {
    std::vector<std::string> list;
    for (const toml::node& element : *array) {
      const auto* text = element.as_string();
      if (!text) return Foreign{"[...] (not only strings)"};
      list.push_back(text->get());
    }
    return list;
  }
  std::ostringstream text;
  node.visit([&](const auto& other) { text << other; });
  return Foreign{text.str()};
}

// Where values come from: a file, whose values have lines, or a name that says all.
struct Origin {
  std::string name;
  bool has_lines = false;

  std::string at(const toml::node& node) const {
    const auto line = node.source().begin.line;
    return has_lines && line > 0 ? name + ':' + std::to_string(line) : name;
  }
};

// The value of an environment variable or of --set: TOML, else a string. What would also write
// other keys is not one value.
toml::table parse_loose(const std::string& text) {
  try {
    toml::table table = toml::parse("value = " + text + '\n');
    if (table.size() == 1 && table.contains("value")) return table;
  } catch (const toml::parse_error&) {
    // So it is a string.
  }
  return toml::table{{"value", text}};
}

// Whether it was meant as one: "[a, b]", "[\"a\"". "[::1]:8000" goes on behind the bracket.
bool begins_list(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos || text[first] != '[') return false;
  return text.find(']') == std::string_view::npos || text[text.find_last_not_of(" \t")] == ']';
}

bool is_list(const Value& value) { return std::holds_alternative<std::vector<std::string>>(value); }

// "1MiB", "64 k" and "10" as a number; none where it is something else.
std::optional<std::int64_t> number_of(const std::string& text, bool bytes) {
  constexpr std::string_view units = "KMG";
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, fault] = std::from_chars(text.data(), end, number);
  if (fault != std::errc{}) return std::nullopt;
  std::string_view unit(rest, static_cast<std::size_t>(end - rest));
  while (!unit.empty() && unit[0] == ' ') unit.remove_prefix(1);
  if (unit.empty()) return number;
  const auto capital = static_cast<char>(unit[0] >= 'a' ? unit[0] - 'a' + 'A' : unit[0]);
  const std::size_t power = units.find(capital);
  const std::string_view more = unit.substr(1);
  const bool is_unit = more.empty() || more == "B" || more == "iB" || more == "i";
  constexpr std::int64_t number_max = 1 << 30;
  if (!bytes || power == std::string_view::npos || !is_unit || number > number_max)
    return std::nullopt;
  return number << (10 * (power + 1));
}

// A number in quotes, or with a unit.
template <class Root>
std::string number_to_write(const Key<Root>& key, const std::string& name, const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  if (!text || key.allowed.rfind("an integer", 0) != 0) return {};
  const auto number = number_of(*text, name.find("bytes") != std::string::npos);
  Root probe;
  const bool helps = number && !key.set(probe, *number);
  return helps ? "; write " + std::to_string(*number) : "";
}

// The path of its file where a secret itself belongs.
std::string file_to_write(const std::string& name, const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  const bool is_path = text && (text->rfind('/', 0) == 0 || text->rfind("./", 0) == 0);
  return is_path && find_key(name + "_file") ? "; write the path of its file as " + name + "_file"
                                             : "";
}

// "; write ..." where what was meant is plain from `fault`; else nothing.
template <class Root>
std::string to_write(const Key<Root>& key, const std::string& name, const Refused& fault) {
  const auto* text = std::get_if<std::string>(&fault.value);
  if (key.is_list && fault.at.empty() && !is_list(fault.value)) {
    const std::vector<std::string> list{text ? *text : "..."};
    Root probe;
    const bool helps = !text || !key.set(probe, list);
    return helps ? "; write " + shown(masked(name, list)) : "";
  }
  const auto* integer = std::get_if<std::int64_t>(&fault.value);
  const std::string number = integer ? std::to_string(*integer) : text ? *text : "";
  const auto time = key.allowed.rfind("a time", 0) == 0 ? meant_time(number) : std::nullopt;
  Root probe;
  if (time && !key.set(probe, *time)) return "; write \"" + *time + '"';
  return number_to_write(key, name, fault.value) + file_to_write(name, fault.value);
}

class Loader {
 public:
  Config config;
  Origins origins;

  // Sets what `node` holds for `path`: a value, or a table of them.
  void take(const std::string& path, const toml::node& node, const Origin& origin) {
    if (path == route_list) return take_routes(node, origin);
    if (path == role_table) return take_roles(node, origin);
    if (path.rfind(role_prefix, 0) == 0) return take_role_path(path, node, origin);
    if (const ConfigKey* key = find_key(path)) return take_value(*key, node, origin);
    if (!path.empty() && !is_section(path)) {
      throw unknown_key(origin.at(node), path);
    }
    const toml::table* table = node.as_table();
    if (!table) throw refused(origin.at(node), path, value_of(node), "a table of keys");
    for (const auto& [name, child] : *table) {
      take(path.empty() ? std::string(name.str()) : path + '.' + std::string(name.str()), child,
           origin);
    }
  }

  // Sets what the text of a variable or of --set says for `path`.
  void take_text(const std::string& path, const std::string& text, const Origin& origin) {
    const toml::table parsed = parse_loose(text);
    const toml::node& node = *parsed.get("value");
    const ConfigKey* key = find_key(path);
    const bool of_role = path.rfind(role_prefix, 0) == 0;
    if (of_role && node.is_string() && !begins_list(text))
      return take(path, toml::array{*node.as_string()}, origin);
    if (!key) return take(path, node, origin);
    const auto fault = set_loosely(*key, value_of(node), text);
    if (!fault) {
      origins[path] = origin.name;
      return;
    }
    throw refused(origin.name, path + fault->at, fault->value,
                  key->allowed + (key->is_list ? R"(; one of them as it is, several as ["a", "b"])"
                                               : to_write(*key, path, *fault)));
  }

 private:
  // `value` is what `text` says as TOML. Where the key does not take that, the text as it is (an
  // issuer may be 4711, a secret may look like a number), and for a list the one element.
  std::optional<Refused> set_loosely(const ConfigKey& key, const Value& value,
                                     const std::string& text) {
    // Elements that lack their quotes, and no text that begins so; such a one needs quotes of its own.
    if (key.is_list && begins_list(text) && !is_list(value)) return Refused{{}, value};
    const auto fault = key.set(config, value);
    if (!fault || (key.is_list && is_list(value))) return fault;
    const auto* written = std::get_if<std::string>(&value);
    const std::string plain = written ? *written : text;
    if (!written && !key.set(config, plain)) return std::nullopt;
    if (!plain.empty() && !key.set(config, std::vector<std::string>{plain})) return std::nullopt;
    return fault;
  }

  static bool is_section(const std::string& path) {
    for (const std::string& section : sections()) {
      if (section == path) return true;
    }
    return false;
  }

  void take_value(const ConfigKey& key, const toml::node& node, const Origin& origin) {
    const std::string name(key.name);
    if (const auto fault = key.set(config, value_of(node))) {
      throw refused(origin.at(node), name + fault->at, fault->value,
                    key.allowed + to_write(key, name, *fault));
    }
    origins[name] = origin.at(node);
  }

  void take_roles(const toml::node& node, const Origin& origin) {
    const toml::table* table = node.as_table();
    if (!table) {
      throw refused(origin.at(node), role_table, value_of(node),
                    "a table for each role: write [auth.roles.NAME]");
    }
    for (const auto& [name, role] : *table) take_role(std::string(name.str()), role, origin);
  }

  void take_role(const std::string& role, const toml::node& node, const Origin& origin) {
    const std::string path = std::string(role_prefix) + role;
    const toml::table* table = node.as_table();
    if (!table || role.empty()) {
      throw refused(origin.at(node), path, value_of(node),
                    "a table with subscribe and may: write [auth.roles.NAME]");
    }
    config.auth.roles[role];
    for (const auto& [name, value] : *table)
      take_role_key(role, std::string(name.str()), value, origin);
  }

  // "auth.roles.NAME" or "auth.roles.NAME.may", as --set has them; NAME may hold dots.
  void take_role_path(const std::string& path, const toml::node& node, const Origin& origin) {
    const std::string rest = path.substr(role_prefix.size());
    const std::size_t dot = rest.rfind('.');
    if (node.is_table() || dot == std::string::npos) return take_role(rest, node, origin);
    take_role_key(rest.substr(0, dot), rest.substr(dot + 1), node, origin);
  }

  void take_role_key(const std::string& role, const std::string& name, const toml::node& node,
                     const Origin& origin) {
    const std::string path = std::string(role_prefix) + role + '.' + name;
    const RoleKey* key = find_role_key(name);
    if (!key) throw unknown_key(origin.at(node), path);
    if (const auto fault = key->set(config.auth.roles[role], value_of(node))) {
      throw refused(origin.at(node), path + fault->at, fault->value,
                    key->allowed + to_write(*key, path, *fault));
    }
    origins[path] = origin.at(node);
  }

  // Routes are one value: those of a nearer source replace all of a farther one.
  void take_routes(const toml::node& node, const Origin& origin) {
    const toml::array* array = node.as_array();
    if (!array || (!array->empty() && !array->is_homogeneous(toml::node_type::table))) {
      throw refused(origin.at(node), route_list, value_of(node),
                    "a list of tables: write [[route]], or as one value [{match = \"import:*\"}]");
    }
    config.routes.clear();
    origins.erase(origins.lower_bound("route["), origins.lower_bound("route\\"));
    for (const toml::node& element : *array) take_route(*element.as_table(), origin);
  }

  void take_route(const toml::table& table, const Origin& origin) {
    const std::size_t index = config.routes.size();
    const std::string prefix = "route[" + std::to_string(index) + "].";
    RouteConfig& route = config.routes.emplace_back();
    for (const auto& [name, node] : table) {
      const RouteKey* key = find_route_key(name.str());
      if (!key) throw unknown_route_key(origin.at(node), index, name.str());
      const std::string path = prefix + std::string(key->name);
      if (const auto fault = key->set(route, value_of(node))) {
        throw refused(origin.at(node), path, fault->value,
                      key->allowed + to_write(*key, path, *fault));
      }
      origins[path] = origin.at(node);
    }
    if (!route.match.empty()) return;
    throw refused(origin.at(table), prefix + "match", Foreign{"(not set)"},
                  find_route_key("match")->allowed);
  }
};

// Whether the line of `text`, or the table that it is in, may hold a secret, which no complaint may
// quote.
bool line_has_secret(std::string_view text, std::size_t line) {
  std::string_view current, table;
  for (; line > 0 && !text.empty(); --line) {
    const std::size_t end = text.find('\n');
    current = text.substr(0, end);
    const std::size_t first = current.find_first_not_of(" \t");
    if (first != std::string_view::npos && current[first] == '[') table = current;
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return names_secret(table) || names_secret(current) || without_secrets(current) != current;
}

toml::table parse_file(std::string_view text, const std::string& file) try {
  return toml::parse(text, file);
} catch (const toml::parse_error& error) {
  const std::size_t line = error.source().begin.line;
  const std::string why = line_has_secret(text, line) ? "not shown, as the line may hold a secret"
                                                      : log::escaped(error.description(), 200);
  throw StartupError(StartupError::configuration,
                     log::escaped(file, 1024) + ':' + std::to_string(line) +
                         ": this is not TOML (strings need quotes): " + why);
}

// Names of others: what Kubernetes says of its services, and the name under which tests are told where
// the program is.
bool is_no_setting(std::string_view name, std::string_view text) {
  return name == "ZWSBRIDGE_BIN" || is_service_link(name, text);
}

void take_variable(Loader& loader, std::string_view variable) {
  if (variable.substr(0, variable_prefix.size()) != variable_prefix) return;
  const std::size_t equals = variable.find('=');
  const std::string name(variable.substr(0, equals));
  const std::string text(equals == std::string_view::npos ? "" : variable.substr(equals + 1));
  if (text.empty()) return;  // as docker compose leaves it: ${ISSUER:-}
  for (const std::string_view table : {route_list, role_table}) {
    if (name == environment_name(table)) return loader.take_text(std::string(table), text, {name});
  }
  for (const ConfigKey& key : config_keys()) {
    if (environment_name(key.name) == name) {
      return loader.take_text(std::string(key.name), text, {name});
    }
  }
  if (!is_no_setting(name, text)) throw unknown_variable(name);
}

void take_setting(Loader& loader, const std::string& setting) {
  const std::size_t equals = setting.find('=');
  if (equals == std::string::npos || equals == 0) {
    // What is no key may be the value, and a secret.
    const std::string name = find_key(setting) ? ' ' + setting : "";
    throw StartupError(
        StartupError::configuration,
        "--set" + name + ": allowed is key=value, as in --set server.listen=127.0.0.1:8000");
  }
  loader.take_text(setting.substr(0, equals), setting.substr(equals + 1), {"--set"});
}

}  // namespace
}  // namespace config

Config parse_config(std::string_view text, const std::string& file, const ConfigSources& sources,
                    Origins* origins) {
  config::Loader loader;
  loader.take("", config::parse_file(text, file), {file, true});
  for (const std::string& variable : sources.environment) config::take_variable(loader, variable);
  for (const std::string& setting : sources.set) config::take_setting(loader, setting);
  config::check_consistency(loader.config, loader.origins);
  if (origins) *origins = std::move(loader.origins);
  return std::move(loader.config);
}

Config load_config(const ConfigSources& sources, Origins* origins) {
  Origins known;
  const std::string text = sources.file.empty() ? "" : config::read_config_file(sources.file);
  Config loaded = parse_config(text, sources.file, sources, &known);
  config::check_files(loaded, known);
  if (origins) *origins = std::move(known);
  return loaded;
}

}  // namespace zws
