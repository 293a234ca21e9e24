#include "config/keys.hpp"

#include <algorithm>

#include "config/field.hpp"
#include "config/secrecy.hpp"

namespace zws::config {
namespace {

// The keys of one table of TOML, which lie under the member(s) Head of Config.
template <auto... Head>
struct Table {
  template <auto Member, class RuleType>
  static ConfigKey key(std::string_view name, const RuleType& rule, Applies applies = {},
                       bool secret = false) {
    return config::key<Config, Head..., Member>(name, rule, applies, secret);
  }
};

using Server = Table<&Config::server>;
using Ingest = Table<&Config::ingest>;
using Auth = Table<&Config::auth>;
using Claims = Table<&Config::auth, &AuthConfig::claims>;
using Anonymous = Table<&Config::auth, &AuthConfig::anonymous>;
using User = Table<&Config::auth, &AuthConfig::user>;
using Heartbeat = Table<&Config::heartbeat>;
using History = Table<&Config::history>;
using Limits = Table<&Config::limits>;
using Relay = Table<&Config::relay>;
using Log = Table<&Config::log>;

constexpr Duration ms{1};
constexpr Duration minute{60'000};
constexpr Duration hour{3'600'000};
constexpr std::size_t many = 10'000'000;
constexpr std::size_t mib = std::size_t{1} << 20;
constexpr std::size_t tib = mib << 20;

std::vector<ConfigKey> make_config_keys() {
  constexpr Applies reload = Applies::reload;
  constexpr Applies restart = Applies::restart;
  using S = ServerConfig;
  using I = IngestConfig;
  using A = AuthConfig;
  using L = LimitsConfig;
  constexpr bool secret = true;
  return {
      Server::key<&S::listen>("server.listen", listen_addresses(), restart),
      Server::key<&S::path>("server.path", url_path(), restart),
      Server::key<&S::threads>("server.threads", integer(0, 256), restart),
      Server::key<&S::allowed_origins>("server.allowed_origins", origins(), reload),
      Server::key<&S::trusted_proxies>("server.trusted_proxies", networks(), reload),
      Server::key<&S::proxy_protocol>("server.proxy_protocol", flag(), reload),
      Server::key<&S::tls_cert>("server.tls_cert", file_path(), reload),
      Server::key<&S::tls_key>("server.tls_key", file_path(), reload),
      Server::key<&S::console>("server.console", flag(), reload),
      Server::key<&S::metrics_public>("server.metrics_public", flag(), reload),
      Server::key<&S::drain_timeout>("server.drain_timeout", time_between(0 * ms, 10 * minute),
                                     reload),
      Server::key<&S::max_connection_age>("server.max_connection_age",
                                          time_between(0 * ms, 30 * 24 * hour), reload),

      Ingest::key<&I::bind>("ingest.bind", bind_endpoints(), restart),
      Ingest::key<&I::connect>("ingest.connect", connect_endpoints(), restart),
      Ingest::key<&I::subscribe>("ingest.subscribe", topic_prefixes(), restart),
      Ingest::key<&I::commands>("ingest.commands", flag(), reload),
      Ingest::key<&I::insecure>("ingest.insecure", flag(), restart),
      Ingest::key<&I::hwm>("ingest.hwm", integer(1, many), restart),
      Ingest::key<&I::memory_bytes>("ingest.memory_bytes", integer(mib, tib), reload),
      Ingest::key<&I::frame_bytes>("ingest.frame_bytes", integer(65'536, tib), reload),
      Ingest::key<&I::heartbeat>("ingest.heartbeat", time_between(0 * ms, hour), restart),
      Ingest::key<&I::heartbeat_timeout>("ingest.heartbeat_timeout", time_between(1000 * ms, hour),
                                         restart),
      Ingest::key<&I::connections>("ingest.connections", integer(0, 1'000'000), restart),
      Ingest::key<&I::resolve>("ingest.resolve", time_between(1000 * ms, 24 * hour), restart),
      Ingest::key<&I::ipc_mode>("ingest.ipc_mode", file_mode(), restart),
      Ingest::key<&I::repair_bind>("ingest.repair_bind", bind_endpoints(), restart),
      Ingest::key<&I::repair_wait>("ingest.repair_wait", time_between(ms, 10'000 * ms), reload),
      Ingest::key<&I::lane_bytes>("ingest.lane_bytes", integer(65'536, tib), reload),
      Ingest::key<&I::curve_secret_key_file>("ingest.curve_secret_key_file", file_path(), restart),
      Ingest::key<&I::curve_allowed_keys_file>("ingest.curve_allowed_keys_file", file_path(),
                                               reload),

      Auth::key<&A::hs256_secret>("auth.hs256_secret", secret_text(), reload, secret),
      Auth::key<&A::hs256_secret_file>("auth.hs256_secret_file", file_path(), reload),
      Auth::key<&A::hs256_previous_secret>("auth.hs256_previous_secret", secret_text(), reload,
                                           secret),
      Auth::key<&A::hs256_previous_secret_file>("auth.hs256_previous_secret_file", file_path(),
                                                reload),
      Auth::key<&A::public_key_file>("auth.public_key_file", file_path(), reload),
      Auth::key<&A::jwks_file>("auth.jwks_file", file_path(), reload),
      Auth::key<&A::jwks_url>("auth.jwks_url", fetched_url(), reload),
      Auth::key<&A::jwks_refresh>("auth.jwks_refresh", time_between(1000 * ms, 24 * hour), reload),
      Auth::key<&A::issuer>("auth.issuer", claim_texts(), reload),
      Auth::key<&A::audience>("auth.audience", claim_texts(), reload),
      Auth::key<&A::require_exp>("auth.require_exp", flag(), reload),
      Auth::key<&A::expiry_grace>("auth.expiry_grace", time_between(0 * ms, hour), reload),
      Auth::key<&A::timeout>("auth.timeout", time_between(ms, hour), reload),
      Auth::key<&A::open>("auth.open", flag(), restart),
      Auth::key<&A::admin_token_file>("auth.admin_token_file", file_path(), restart),
      Claims::key<&ClaimsConfig::user>("auth.claims.user", claim_path(), reload),
      Claims::key<&ClaimsConfig::roles>("auth.claims.roles", claim_paths(), reload),
      Claims::key<&ClaimsConfig::topics>("auth.claims.topics", claim_path(), reload),
      Claims::key<&ClaimsConfig::admin>("auth.claims.admin", role_names(), reload),
      Anonymous::key<&AnonymousConfig::connect>("auth.anonymous.connect", flag(), reload),
      Anonymous::key<&AnonymousConfig::subscribe>("auth.anonymous.subscribe", anonymous_patterns(),
                                                  reload),
      User::key<&UserConfig::subscribe>("auth.user.subscribe", user_patterns(), reload),

      Heartbeat::key<&HeartbeatConfig::interval>("heartbeat.interval", time_between(ms, hour)),
      Heartbeat::key<&HeartbeatConfig::timeout>("heartbeat.timeout", time_between(ms, 24 * hour)),

      History::key<&HistoryConfig::size>("history.size", integer(0, 1'000'000)),
      History::key<&HistoryConfig::ttl>("history.ttl", time_between(ms, 8760 * hour)),
      History::key<&HistoryConfig::bytes>("history.bytes", integer(0, tib)),

      Limits::key<&L::connections>("limits.connections", integer(0, many)),
      Limits::key<&L::connections_per_ip>("limits.connections_per_ip", integer(0, many)),
      Limits::key<&L::connections_per_user>("limits.connections_per_user", integer(0, many)),
      Limits::key<&L::subscriptions>("limits.subscriptions", integer(1, 1'000'000)),
      Limits::key<&L::message_bytes>("limits.message_bytes", integer(128, 16 * mib)),
      Limits::key<&L::event_bytes>("limits.event_bytes", integer(1, 256 * mib)),
      Limits::key<&L::queue_bytes>("limits.queue_bytes", integer(1024, 1024 * mib)),
      Limits::key<&L::unsent_bytes>("limits.unsent_bytes", integer(1024, 16 * mib),
                                    Applies::new_connections),
      Limits::key<&L::stalled_timeout>("limits.stalled_timeout", time_between(ms, 24 * hour)),
      Limits::key<&L::messages_per_second>("limits.messages_per_second", integer(1, 1'000'000)),
      Limits::key<&L::errors_per_minute>("limits.errors_per_minute", integer(1, 1'000'000)),
      Limits::key<&L::failed_tokens_per_minute>("limits.failed_tokens_per_minute",
                                                integer(0, 1'000'000)),
      Limits::key<&L::handshake_timeout>("limits.handshake_timeout", time_between(ms, 10 * minute)),
      Limits::key<&L::request_looks>("limits.request_looks", integer(0, 10'000'000)),
      Limits::key<&L::replay_events>("limits.replay_events", integer(0, 1'000'000)),
      Limits::key<&L::topics>("limits.topics", integer(1, 100'000'000)),
      Limits::key<&L::sources_per_topic>("limits.sources_per_topic", integer(1, 65'536)),
      Limits::key<&L::memory_bytes>("limits.memory_bytes", integer(0, tib)),

      Relay::key<&RelayConfig::redis>("relay.redis", redis_url(), restart),
      Relay::key<&RelayConfig::prefix>("relay.prefix", fleet_prefix(), restart),
      Relay::key<&RelayConfig::name>("relay.name", fleet_name(), restart),
      Relay::key<&RelayConfig::history>("relay.history", flag(), restart),

      Log::key<&LogConfig::level>("log.level", log_levels()),
      Log::key<&LogConfig::format>("log.format", log_formats()),
      Log::key<&LogConfig::audit>("log.audit", flag()),
  };
}

std::vector<RouteKey> make_route_keys() {
  using R = RouteConfig;
  return {
      key<RouteConfig, &R::match>("match", topic_pattern()),
      key<RouteConfig, &R::format>("format", event_formats()),
      key<RouteConfig, &R::history>("history", integer(0, 1'000'000)),
      key<RouteConfig, &R::ttl>("ttl", time_between(ms, 8760 * hour)),
      key<RouteConfig, &R::replay>("replay", integer(0, 1'000'000)),
      key<RouteConfig, &R::overflow>("overflow", overflows()),
      key<RouteConfig, &R::key>("key", short_text()),
      key<RouteConfig, &R::expect>("expect", time_between(100 * ms, 8760 * hour)),
  };
}

std::vector<RoleKey> make_role_keys() {
  return {
      key<RoleConfig, &RoleConfig::subscribe>("subscribe", user_patterns()),
      key<RoleConfig, &RoleConfig::may>("may", rights()),
  };
}

std::vector<std::string> make_sections() {
  std::vector<std::string> names;
  for (const ConfigKey& key : config_keys()) {
    const std::string section(key.name.substr(0, key.name.rfind('.')));
    if (names.empty() || names.back() != section) names.push_back(section);
  }
  return names;
}

template <class Root>
const Key<Root>* find(const std::vector<Key<Root>>& keys, std::string_view name) noexcept {
  const auto found = std::find_if(keys.begin(), keys.end(),
                                  [&](const Key<Root>& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

}  // namespace

const std::vector<ConfigKey>& config_keys() {
  static const std::vector<ConfigKey> keys = make_config_keys();
  return keys;
}

const std::vector<RouteKey>& route_keys() {
  static const std::vector<RouteKey> keys = make_route_keys();
  return keys;
}

const std::vector<RoleKey>& role_keys() {
  static const std::vector<RoleKey> keys = make_role_keys();
  return keys;
}

const std::vector<std::string>& sections() {
  static const std::vector<std::string> names = make_sections();
  return names;
}

const ConfigKey* find_key(std::string_view name) noexcept { return find(config_keys(), name); }

const RouteKey* find_route_key(std::string_view name) noexcept { return find(route_keys(), name); }

const RoleKey* find_role_key(std::string_view name) noexcept { return find(role_keys(), name); }

Value shown_value(const ConfigKey& key, const Config& config) {
  if (key.is_path) return masked(key.name, *key.get(config));
  Value value = value_without_secrets(*key.get(config));
  return key.secret && toml_text(value) != "\"\"" ? Value{std::string(secret_mask)} : value;
}

std::string shown_text(const ConfigKey& key, const Config& config) {
  return toml_text(shown_value(key, config));
}

std::string environment_name(std::string_view key) {
  std::string name = "ZWSBRIDGE_";
  for (const char c : key) {
    name += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  }
  return name;
}

std::string facts(std::string_view allowed, Applies applies) {
  std::string text = "Allowed: ";
  text += allowed;
  switch (applies) {
    case Applies::reload: return text + ". A reload applies it.";
    case Applies::new_connections: return text + ". A reload applies it to new connections.";
    case Applies::restart: return text + ". A change needs a restart.";
  }
  return text;
}

}  // namespace zws::config
