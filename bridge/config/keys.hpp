// Keys: the one table of what can be configured. Loading, environment names, print-config, the
// manuals and the reload's diff all walk it.
//
// Thread: the tables are built once and immutable; any thread may read them. A key's meaning is the
// comment of its field in config.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "config/value.hpp"

namespace zws::config {

// When a changed value of a key holds.
enum class Applies : std::uint8_t { reload, new_connections, restart };

// What a key did not accept: the whole value, or one element of a list.
struct Refused {
  std::string at;  // "[3]" for an element, else empty
  Value value;
};

template <class Root>
struct Key {
  std::string_view name;  // "limits.queue_bytes"; of a route only "replay"
  std::string allowed;
  Applies applies = Applies::reload;
  bool secret = false;
  bool is_path = false;  // of a file
  bool is_list = false;  // or may be one
  // Nothing for a key that is not set and has no value of its own (route.history).
  std::function<std::optional<Value>(const Root&)> get;
  // Changes nothing when it refuses.
  std::function<std::optional<Refused>(Root&, const Value&)> set;
};

using ConfigKey = Key<Config>;
using RouteKey = Key<RouteConfig>;
using RoleKey = Key<RoleConfig>;

// In the order of config.hpp.
const std::vector<ConfigKey>& config_keys();
const std::vector<RouteKey>& route_keys();
const std::vector<RoleKey>& role_keys();

// The tables of TOML in that order: "server", ..., "auth.anonymous", ... without "route".
const std::vector<std::string>& sections();

// The list of routes, which is a key of its own in the environment and for --set.
constexpr std::string_view route_list = "route";

// The table of roles, [auth.roles.NAME]; in the environment one value, as {ops = {may = ["stats"]}}.
constexpr std::string_view role_table = "auth.roles";

const ConfigKey* find_key(std::string_view name) noexcept;
const RouteKey* find_route_key(std::string_view name) noexcept;
const RoleKey* find_role_key(std::string_view name) noexcept;

// The value, fit to be shown: a secret that is set is masked, what looks like one, and in place of a path
// what does not look like a path. And the same as TOML.
Value shown_value(const ConfigKey& key, const Config& config);
std::string shown_text(const ConfigKey& key, const Config& config);

// "server.listen" -> "ZWSBRIDGE_SERVER_LISTEN".
std::string environment_name(std::string_view key);

// The words that stand in every manual: "Allowed: an integer from 0 to 256. A reload applies it."
std::string facts(std::string_view allowed, Applies applies);

}  // namespace zws::config
