// Config: everything an operator can set, with its default. Immutable once loaded; a reload builds a
// whole new one. Each comment is the key's documentation (docs/CONFIG.md is made from it).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/event.hpp"
#include "core/log.hpp"
#include "core/pattern.hpp"

namespace zws {

using Duration = std::chrono::milliseconds;

struct ServerConfig {
  std::string listen = "127.0.0.1:8000";
  std::string path = "/api/ws";
  std::size_t threads = 0;
  std::vector<std::string> allowed_origins;
  std::vector<std::string> trusted_proxies{"127.0.0.0/8", "::1/128"};
  std::string tls_cert;
  std::string tls_key;
  bool console = true;
  bool metrics_public = true;
  Duration drain_timeout{10'000};
};

struct IngestConfig {
  std::vector<std::string> bind{"tcp://127.0.0.1:5556"};
  std::vector<std::string> connect;
  std::vector<std::string> subscribe{""};
  bool commands = true;
  bool insecure = false;
  std::size_t hwm = 10'000;
  std::size_t memory_bytes = std::size_t{128} << 20;
  std::size_t lane_bytes = std::size_t{32} << 20;
  std::string curve_secret_key_file;
  std::string curve_allowed_keys_file;
};

struct AnonymousConfig {
  bool connect = true;
  std::vector<std::string> subscribe;  // patterns; `{user}` has no meaning here
};

struct UserConfig {
  std::vector<std::string> subscribe{"*"};  // patterns; may hold {user}
};

struct AuthConfig {
  std::string hs256_secret;
  std::string hs256_secret_file;
  std::string public_key_file;
  std::string jwks_file;
  std::string issuer;
  std::string audience;
  bool require_exp = true;
  Duration expiry_grace{10'000};
  Duration timeout{10'000};
  bool open = false;
  std::string admin_token_file;
  AnonymousConfig anonymous;
  UserConfig user;

  // Whether any key is configured; without one the bridge runs in open mode.
  bool has_key() const noexcept {
    return !hs256_secret.empty() || !hs256_secret_file.empty() || !public_key_file.empty() ||
           !jwks_file.empty();
  }
};

struct HeartbeatConfig {
  Duration interval{25'000};
  Duration timeout{60'000};
};

struct HistoryConfig {
  std::size_t size = 100;
  Duration ttl{300'000};
  std::size_t bytes = std::size_t{64} << 20;
};

struct LimitsConfig {
  std::size_t connections = 0;
  std::size_t connections_per_ip = 0;
  std::size_t connections_per_user = 100;
  std::size_t subscriptions = 1024;
  std::size_t message_bytes = 65'536;
  std::size_t event_bytes = std::size_t{1} << 20;
  std::size_t queue_bytes = std::size_t{1} << 20;
  std::size_t unsent_bytes = 65'536;
  Duration stalled_timeout{30'000};
  std::size_t messages_per_second = 100;
  std::size_t errors_per_minute = 60;
  std::size_t failed_tokens_per_minute = 100;
  Duration handshake_timeout{5'000};
  std::size_t replay_events = 1000;
  std::size_t topics = 1'000'000;
  std::size_t sources_per_topic = 64;
};

enum class EventFormat : std::uint8_t { automatic, raw };

struct RouteConfig {
  std::string match;  // pattern
  EventFormat format = EventFormat::automatic;
  std::optional<std::size_t> history;  // absent: history.size
  std::optional<Duration> ttl;         // absent: history.ttl
  std::size_t replay = 0;
  Overflow overflow = Overflow::drop_oldest;
  std::string key;  // top-level payload member that is the conflation key; empty: the topic
};

struct LogConfig {
  log::Level level = log::Level::info;
  log::Format format = log::Format::text;
};

struct Config {
  ServerConfig server;
  IngestConfig ingest;
  AuthConfig auth;
  HeartbeatConfig heartbeat;
  HistoryConfig history;
  LimitsConfig limits;
  std::vector<RouteConfig> routes;
  LogConfig log;
};

using ConfigPtr = std::shared_ptr<const Config>;

}  // namespace zws
