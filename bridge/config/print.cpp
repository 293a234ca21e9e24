#include "config/print.hpp"

#include "config/keys.hpp"
#include "config/secrecy.hpp"
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

}  // namespace
}  // namespace config

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
