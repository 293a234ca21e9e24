#include "config/reload.hpp"

#include <set>

#include "config/checks.hpp"
#include "config/config_file.hpp"
#include "config/keys.hpp"
#include "config/secrecy.hpp"
#include "core/error.hpp"

namespace zws {
namespace config {
namespace {

std::string text_of(const std::optional<Value>& value) { return value ? toml_text(*value) : ""; }

std::string shown_of(const std::optional<Value>& value) {
  return value ? toml_text(value_without_secrets(*value)) : "";
}

void diff_routes(std::vector<ConfigChange>& changes, const std::vector<RouteConfig>& before,
                 const std::vector<RouteConfig>& after) {
  for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
    for (const RouteKey& key : route_keys()) {
      const auto old_value = i < before.size() ? key.get(before[i]) : std::nullopt;
      const auto new_value = i < after.size() ? key.get(after[i]) : std::nullopt;
      if (text_of(old_value) == text_of(new_value)) continue;
      changes.push_back({"route[" + std::to_string(i) + "]." + std::string(key.name),
                         shown_of(old_value), shown_of(new_value),
                         key.applies == Applies::restart});
    }
  }
}

void diff_roles(std::vector<ConfigChange>& changes, const AuthConfig& before,
                const AuthConfig& after) {
  std::set<std::string> names;
  for (const auto& [name, role] : before.roles) names.insert(name);
  for (const auto& [name, role] : after.roles) names.insert(name);
  const auto value = [](const AuthConfig& auth, const std::string& name, const RoleKey& key) {
    const auto role = auth.roles.find(name);
    return role == auth.roles.end() ? std::nullopt : std::optional(key.get(role->second));
  };
  for (const std::string& name : names) {
    for (const RoleKey& key : role_keys()) {
      const auto old_value = value(before, name, key), new_value = value(after, name, key);
      if (text_of(old_value) == text_of(new_value)) continue;
      changes.push_back({std::string(role_table) + '.' + name + '.' + std::string(key.name),
                         shown_of(old_value), shown_of(new_value), false});
    }
  }
}

// Nobody lets every producer in by a slip.
void keep_producers_out(const IngestConfig& running, const IngestConfig& next) {
  if (!running.curve_allowed_keys_file.empty() && next.curve_allowed_keys_file.empty()) {
    throw StartupError(StartupError::configuration,
                       "ingest.curve_allowed_keys_file is not set any more: letting every key in "
                       "begins with a restart only");
  }
}

}  // namespace
}  // namespace config

std::vector<ConfigChange> config_diff(const Config& before, const Config& after) {
  using namespace config;
  std::vector<ConfigChange> changes;
  for (const ConfigKey& key : config_keys()) {
    if (toml_text(*key.get(before)) == toml_text(*key.get(after))) continue;
    changes.push_back({std::string(key.name), shown_text(key, before), shown_text(key, after),
                       key.applies == Applies::restart});
  }
  diff_roles(changes, before.auth, after.auth);
  diff_routes(changes, before.routes, after.routes);
  return changes;
}

Reloaded reload_config(const Config& running, const ConfigSources& sources) {
  using namespace config;
  // A pipe would give nothing, which is the defaults, or keep a bridge that serves waiting.
  if (can_be_read_once(sources.file))
    throw StartupError(
        StartupError::configuration,
        log::escaped(sources.file, 1024) +
            ": the configuration came from what is no file, and cannot be read again");
  Origins origins;
  Reloaded reloaded{load_config(sources, &origins), {}, {}};
  if (running.auth.has_key() && !reloaded.config.auth.has_key()) {
    throw StartupError(StartupError::configuration,
                       "no key in [auth] is set any more: open mode begins with a restart only");
  }
  keep_producers_out(running.ingest, reloaded.config.ingest);
  reloaded.changes = config_diff(running, reloaded.config);
  for (const ConfigKey& key : config_keys()) {
    if (key.applies != Applies::restart) continue;
    key.set(reloaded.config, *key.get(running));
    origins[std::string(key.name)] = "running, until a restart";
  }
  if (running.ingest.curve_secret_key_file.empty())  // the list waits for the restart, too
    reloaded.config.ingest.curve_allowed_keys_file.clear();
  check_consistency(reloaded.config, origins);
  reloaded.origins = std::move(origins);
  return reloaded;
}

}  // namespace zws
