#include "config/print.hpp"

#include "config/keys.hpp"
#include "config/secrecy.hpp"
#include "core/json_text.hpp"
#include "core/log.hpp"

namespace zws {
namespace config {
namespace {

class Printer {
 public:
  explicit Printer(const Origins* origins) : origins_(origins) {}

  // `path` is the name under which the value's origin is known.
  void line(std::string_view name, const std::string& value, const std::string& path) {
    text += std::string(name) + " = " + value;
    if (origins_) {
      const auto origin = origins_->find(path);
      text += "  # " + (origin == origins_->end() ? "default" : log::escaped(origin->second, 1024));
    }
    text += '\n';
  }

  std::string text;

 private:
  const Origins* origins_;
};

void print_roles(Printer& printer, const std::map<std::string, RoleConfig>& roles) {
  for (const auto& [name, role] : roles) {
    printer.text += "\n[" + std::string(role_table) + '.' + toml_text(Value{name}) + "]\n";
    for (const RoleKey& key : role_keys()) {
      const std::string path = std::string(role_table) + '.' + name + '.' + std::string(key.name);
      printer.line(key.name, toml_text(value_without_secrets(*key.get(role))), path);
    }
  }
}

void print_routes(Printer& printer, const std::vector<RouteConfig>& routes) {
  for (std::size_t i = 0; i < routes.size(); ++i) {
    printer.text += "\n[[route]]\n";
    for (const RouteKey& key : route_keys()) {
      const auto value = key.get(routes[i]);
      if (!value) continue;
      const std::string path = "route[" + std::to_string(i) + "]." + std::string(key.name);
      printer.line(key.name, toml_text(value_without_secrets(*value)), path);
    }
  }
}

std::string value_json(const Value& value) {
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return json_string(*text);
  std::string list = "[";
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
    for (const std::string& text : *texts) {
      if (list.size() > 1) list += ',';
      append_json_string(list, text);
    }
  }
  return list += ']';
}

std::string_view applies_text(Applies applies) {
  switch (applies) {
    case Applies::reload: return "reload";
    case Applies::new_connections: return "new_connections";
    case Applies::restart: return "restart";
  }
  return "";
}

class JsonPrinter {
 public:
  explicit JsonPrinter(const Origins& origins) : origins_(origins) {}

  void add(const std::string& path, const Value& shown, Applies applies) {
    const auto origin = origins_.find(path);
    if (text.size() > 1) text += ',';
    text += JsonObject()
                .text("key", path)
                .json("value", value_json(shown))
                .text("origin", origin == origins_.end() ? "default" : origin->second)
                .text("applies", applies_text(applies))
                .done();
  }

  std::string text = "[";

 private:
  const Origins& origins_;
};

}  // namespace
}  // namespace config

std::string config_json(const Config& config, const Origins& origins) {
  using namespace config;
  JsonPrinter printer(origins);
  for (const ConfigKey& key : config_keys())
    printer.add(std::string(key.name), shown_value(key, config), key.applies);
  for (const auto& [name, role] : config.auth.roles) {
    for (const RoleKey& key : role_keys())
      printer.add(std::string(role_table) + '.' + name + '.' + std::string(key.name),
                  value_without_secrets(*key.get(role)), key.applies);
  }
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    for (const RouteKey& key : route_keys()) {
      if (const auto value = key.get(config.routes[i]))
        printer.add("route[" + std::to_string(i) + "]." + std::string(key.name),
                    value_without_secrets(*value), key.applies);
    }
  }
  return printer.text + ']';
}

std::string print_config(const Config& config, const Origins* origins) {
  using namespace config;
  Printer printer(origins);
  std::string_view table;
  for (const ConfigKey& key : config_keys()) {
    const std::size_t dot = key.name.rfind('.');
    if (key.name.substr(0, dot) != table) {
      printer.text += table.empty() ? "[" : "\n[";
      table = key.name.substr(0, dot);
      printer.text += std::string(table) + "]\n";
    }
    printer.line(key.name.substr(dot + 1), shown_text(key, config), std::string(key.name));
  }
  print_roles(printer, config.auth.roles);
  print_routes(printer, config.routes);
  return printer.text;
}

}  // namespace zws
