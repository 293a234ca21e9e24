#include "config/manual.hpp"

#include <map>
#include <sstream>

#include "config/keys.hpp"

namespace zws {
namespace config {

extern const char* const config_header;

namespace {

constexpr std::string_view facts_mark = "Allowed:";

// What the manuals say before the first key.
constexpr std::string_view introduction[] = {
    "Every key has the default shown here, so a configuration needs only what differs. Precedence:",
    "default, then the TOML file of --config, then the environment (ZWSBRIDGE_SERVER_LISTEN is",
    "server.listen), then --set server.listen=...; the last one that says something holds.",
    "",
    "Values of the environment and of --set are TOML, else a string. A key that is a string takes",
    "the text as it is, with or without quotes, and one text for a list is a list of it. An empty",
    "variable is unset; \"\" is the empty string. A comma separates nothing: several are written "
    "as",
    "in TOML, [\"a\", \"b\"]. All routes are one value, ZWSBRIDGE_ROUTE='[{match = \"a:*\", replay "
    "= 1}]', and",
    "so are the roles, ZWSBRIDGE_AUTH_ROLES='{ops = {may = [\"stats\"]}}'; other tables have a "
    "variable for",
    "each key.",
    "",
    "Times are strings with a unit (ms, s, m, h), sizes are integers of bytes.",
    "",
    "An unknown key, a wrong type or an impossible value ends the start with exit code 2 and one",
    "line that says where it stands and what is allowed; `zwsbridge --check` does only that. What",
    "can never have an effect, as a route behind one that matches the same, is a warning, and with",
    "`--check --strict` exit code 2, too.",
    "",
    "SIGHUP rereads the configuration: all of it or, if something is wrong, nothing.",
};

std::string_view trimmed(std::string_view line) {
  const std::size_t begin = line.find_first_not_of(' ');
  return begin == std::string_view::npos ? std::string_view{} : line.substr(begin);
}

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

Comment to_comment(const std::vector<std::string>& lines) {
  Comment comment;
  for (const std::string& line : lines) {
    const bool is_fact = !comment.facts.empty() || starts_with(line, facts_mark);
    (is_fact ? comment.facts : comment.prose).push_back(line);
  }
  return comment;
}

// The name of the member that a line declares: "std::size_t hwm = 10'000;" -> "hwm".
std::string member_name(std::string_view line) {
  const std::string_view declared = line.substr(0, line.find_first_of("={;"));
  const std::size_t end = declared.find_last_not_of(' ') + 1;
  const std::size_t begin = declared.find_last_of(' ', end - 1) + 1;
  return std::string(declared.substr(begin, end - begin));
}

// "[auth.user] Connections with a token." names the table, or "[[route]] ..." the list of them.
std::string take_table_name(std::string& first_line) {
  const std::size_t begin = first_line.find_first_not_of('[');
  const std::size_t end = first_line.find(']');
  if (begin == 0 || end == std::string::npos) return {};
  const std::string name = first_line.substr(begin, end - begin);
  first_line.erase(0, first_line.find(' ', end) + 1);
  return name;
}

// Reads the header as it is written: comment lines, then the line that they belong to.
std::map<std::string, Comment, std::less<>> read_comments() {
  std::map<std::string, Comment, std::less<>> comments;
  std::vector<std::string> pending;
  std::string table;
  std::istringstream header(config_header);
  for (std::string raw; std::getline(header, raw);) {
    const std::string_view line = trimmed(raw);
    if (starts_with(line, "// ")) {
      pending.emplace_back(line.substr(3));
      continue;
    }
    if (starts_with(line, "struct ")) {
      table = pending.empty() ? "" : take_table_name(pending.front());
      comments[table] = to_comment(pending);
    } else if (!pending.empty() && !table.empty()) {
      comments[table + '.' + member_name(line)] = to_comment(pending);
    }
    pending.clear();
  }
  return comments;
}

void append_lines(std::string& out, std::string_view start, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) out.append(start).append(line) += '\n';
}

void append_commented(std::string& out, std::string_view start, const Comment& comment) {
  append_lines(out, start, comment.prose);
  append_lines(out, start, comment.facts);
}

// A route with a value for every key; where it would take one from [history], that one's default, and
// where there is none, a likely one.
RouteConfig example_route() {
  RouteConfig route;
  route.match = "import:*";
  route.history = HistoryConfig{}.size;
  route.ttl = HistoryConfig{}.ttl;
  route.expect = std::chrono::seconds(5);
  return route;
}

std::string route_key_name(const RouteKey& key) {
  return std::string(route_list) + '.' + std::string(key.name);
}

constexpr std::string_view role_heading = "auth.roles.NAME";

std::string role_key_name(const RoleKey& key) {
  return std::string(role_heading) + '.' + std::string(key.name);
}

// As comments, so that nobody gets rights by a manual.
void append_roles(std::string& out) {
  append_commented(out, "# ", comment_of(role_heading));
  out += "#\n# [auth.roles.NAME]\n";
  for (const RoleKey& key : role_keys()) {
    out += "#\n";
    append_commented(out, "#   ", comment_of(role_key_name(key)));
    out += "# " + std::string(key.name) + " = " + toml_text(*key.get(RoleConfig{})) + '\n';
  }
}

// As comments, so that the defaults stay the defaults.
void append_routes(std::string& out) {
  append_commented(out, "# ", comment_of(route_list));
  out += "#\n# [[route]]\n";
  const RouteConfig example = example_route();
  for (const RouteKey& key : route_keys()) {
    out += "#\n";
    append_commented(out, "#   ", comment_of(route_key_name(key)));
    out += "# " + std::string(key.name) + " = " + toml_text(*key.get(example)) + '\n';
  }
}

// Markdown takes "*" and "<name>" for its own.
std::string markdown(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool opens_tag = text[i] == '<' && i + 1 < text.size() && text[i + 1] != ' ';
    if (text[i] == '*' || opens_tag) out += '\\';
    out += text[i];
  }
  return out;
}

void append_entry(std::string& out, std::string_view name, const std::string& value,
                  const Comment& comment) {
  out += "\n### `" + std::string(name) + "`\n\n";
  for (const std::string& line : comment.prose) out += markdown(line) + '\n';
  out += "\nDefault: " + value + ". " + markdown(one_line(comment.facts)) + '\n';
}

void append_heading(std::string& out, const std::string& title, std::string_view table) {
  out += "\n## " + title + "\n\n";
  for (const std::string& line : comment_of(table).prose) out += markdown(line) + '\n';
}

}  // namespace

Comment comment_of(std::string_view name) {
  static const auto comments = read_comments();
  const auto found = comments.find(name);
  return found == comments.end() ? Comment{} : found->second;
}

std::string one_line(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : " ") + line;
  return text;
}

}  // namespace config

std::string default_config_text() {
  using namespace config;
  std::string out = "# The configuration of zwsbridge.\n#\n";
  for (const std::string_view line : introduction) {
    out.append(line.empty() ? "#" : "# ").append(line) += '\n';
  }
  const Config defaults;
  std::string table;
  for (const ConfigKey& key : config_keys()) {
    const std::size_t dot = key.name.rfind('.');
    if (key.name.substr(0, dot) != table) {
      table = key.name.substr(0, dot);
      out += "\n\n";
      append_commented(out, "# ", comment_of(table));
      out += '[' + table + "]\n";
    }
    out += '\n';
    append_commented(out, "# ", comment_of(key.name));
    out += std::string(key.name.substr(dot + 1)) + " = " + toml_text(*key.get(defaults)) + '\n';
  }
  out += "\n\n";
  append_roles(out);
  out += "\n\n";
  append_routes(out);
  return out;
}

std::string config_reference() {
  using namespace config;
  std::string out = "# Configuration\n\n";
  for (const std::string_view line : introduction) out += markdown(line) + '\n';
  out += "\nThis page is made from `bridge/config/config.hpp`; a unit test compares the two.\n";
  const Config defaults;
  std::string table;
  for (const ConfigKey& key : config_keys()) {
    const std::string_view section = key.name.substr(0, key.name.rfind('.'));
    if (section != table) {
      table = section;
      append_heading(out, '[' + table + ']', table);
    }
    append_entry(out, key.name, '`' + toml_text(*key.get(defaults)) + '`', comment_of(key.name));
  }
  append_heading(out, '[' + std::string(role_heading) + ']', role_heading);
  for (const RoleKey& key : role_keys()) {
    append_entry(out, role_key_name(key), '`' + toml_text(*key.get(RoleConfig{})) + '`',
                 comment_of(role_key_name(key)));
  }
  append_heading(out, "[[route]]", route_list);
  const RouteConfig defaults_of_route;
  for (const RouteKey& key : route_keys()) {
    const auto value = key.get(defaults_of_route);
    const bool has_default = value && key.name != "match";
    append_entry(out, route_key_name(key), has_default ? '`' + toml_text(*value) + '`' : "none",
                 comment_of(route_key_name(key)));
  }
  return out;
}

}  // namespace zws
