#include "port/upgrades.hpp"

#include <utility>

#include "config/secrecy.hpp"

namespace zws {
namespace {

constexpr std::string_view subprotocol = "zws.v1.json";
constexpr std::string_view bearer_prefix = "bearer.";

// 24 characters of base64 that stand for 16 bytes.
bool is_key(std::string_view key) noexcept {
  if (key.size() != 24 || key.substr(22) != "==") return false;
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (const char c : key.substr(0, 22)) {
    if (alphabet.find(c) == std::string_view::npos) return false;
  }
  return true;
}

// ?token=, Authorization: Bearer, or the subprotocol list ["zws.v1.json", "bearer.<jwt>"].
std::string token_of(Connection& its, const HttpRequest& request) {
  std::string token = query_value(request.query, "token");
  for (const std::string& offered : its.get_requested_subprotocols()) {
    if (offered == subprotocol) its.select_subprotocol(std::string(subprotocol));
    if (token.empty() && offered.compare(0, bearer_prefix.size(), bearer_prefix) == 0)
      token = offered.substr(bearer_prefix.size());
  }
  const std::string_view authorization = request.header("Authorization");
  constexpr std::string_view scheme = "bearer ";
  if (token.empty() && authorization.size() > scheme.size()) {
    const HeaderLess less;
    const std::string_view given = authorization.substr(0, scheme.size());
    if (!less(given, scheme) && !less(scheme, given)) token = authorization.substr(scheme.size());
  }
  return token;
}

}  // namespace

bool Upgrades::judge(Connection& its) {
  const HttpRequest request = request_of(its);
  if (!is_in_form(its, request)) return false;
  if (parts_.admission == nullptr) {
    let_in_[&its.session()] = Upgrade{its.get_remote_endpoint(), {}, false};
    return true;
  }
  return is_of_a_known_site(its, request) && let_in(its, request);
}

Upgrade Upgrades::take(Connection& its) {
  const auto found = let_in_.find(&its.session());
  Upgrade upgrade = std::move(found->second);
  let_in_.erase(found);
  count(upgrade.full_for_address ? HandshakeResult::full_for_address : HandshakeResult::accepted);
  return upgrade;
}

void Upgrades::give_up(Connection& its) {
  const auto found = let_in_.find(&its.session());
  if (found == let_in_.end()) return;
  if (parts_.admission != nullptr && !found->second.full_for_address)
    parts_.admission->leave(address_key(found->second.address));
  let_in_.erase(found);
}

// What RFC 6455 asks of the request, and that it is for us.
bool Upgrades::is_in_form(Connection& its, const HttpRequest& request) {
  const std::string& path = parts_.transport.rules.config->server.path;
  if (parts_.http != nullptr && request.path != path)
    return refuse(its, HandshakeResult::not_found, 404, "invalid_message",
                  "WebSocket clients connect to " + path);
  if (head_of(its).body_bytes() != 0 || !request.header("Transfer-Encoding").empty())
    return refuse(its, HandshakeResult::bad_request, 400, "invalid_message",
                  "an upgrade has no body");
  if (!is_key(request.header("Sec-WebSocket-Key")))
    return refuse(its, HandshakeResult::bad_request, 400, "invalid_message",
                  "Sec-WebSocket-Key must be 16 bytes in base64");
  return true;
}

// A browser tells which site its page is of, and under which name it reached the bridge.
bool Upgrades::is_of_a_known_site(Connection& its, const HttpRequest& request) {
  const std::string peer = its.get_remote_endpoint();
  std::uint64_t suppressed = 0;
  if (!parts_.access->host_allowed(request)) {
    if (host_log_.pass(suppressed))
      log::warning(
          "refused {} from {}: without a key the bridge answers only as localhost "
          "and not through a proxy; configure auth or set auth.open = true{}",
          Access::host_fault(request), log::escaped(peer), log::more(suppressed));
    return refuse(its, HandshakeResult::forbidden_host, 403, "forbidden",
                  "in open mode the bridge answers only as localhost and not through a proxy");
  }
  if (!parts_.access->origin_allowed(peer, request)) {
    if (origin_log_.pass(suppressed))
      log::warning("refused Origin \"{}\" from {}: add it to server.allowed_origins{}",
                   log::escaped(config::without_secrets(request.header("Origin")), 200),
                   log::escaped(peer), log::more(suppressed));
    return refuse(its, HandshakeResult::forbidden_origin, 403, "forbidden",
                  "this Origin is not in server.allowed_origins");
  }
  return true;
}

// Whether there is room. What its token is worth is judged after the upgrade (SignIn).
bool Upgrades::let_in(Connection& its, const HttpRequest& request) {
  Upgrade upgrade;
  upgrade.address = parts_.access->client_address(its.get_remote_endpoint(), request);
  const std::string key = address_key(upgrade.address);
  if (parts_.draining())
    return refuse_for_now(its, HandshakeResult::draining, "5", "the bridge stops");
  upgrade.token = token_of(its, request);
  if (!upgrade.token.empty() &&
      parts_.admission->too_many_failed_tokens(key, parts_.transport.rules.clock->steady()) &&
      !parts_.token_passes(upgrade.token)) {
    its.replace_header("Retry-After", "60");
    return refuse(its, HandshakeResult::too_many_failures, 429, "rate_limited",
                  "too many failed tokens from this address");
  }
  // What may fail comes before its place is taken, and until then it has none to give back.
  upgrade.full_for_address = true;
  Upgrade& noted = let_in_[&its.session()] = std::move(upgrade);
  switch (parts_.admission->enter(key)) {
    case Admission::Answer::admitted: noted.full_for_address = false; break;
    case Admission::Answer::full:
      return refuse_for_now(its, HandshakeResult::full, "5", "the bridge is full");
    case Admission::Answer::short_of_memory:
      return refuse_for_now(its, HandshakeResult::short_of_memory, "10",
                            "the bridge is short of memory");
    case Admission::Answer::full_for_address: break;  // it is let in to be told so
  }
  return true;
}

bool Upgrades::refuse(Connection& its, HandshakeResult result, int status, std::string_view code,
                      std::string_view message) {
  count(result);
  its.set_status(static_cast<websocketpp::http::status_code::value>(status));
  its.set_body(HttpResponse::error(status, code, message).body);
  its.replace_header("Content-Type", "application/json");
  return false;
}

bool Upgrades::refuse_for_now(Connection& its, HandshakeResult result, const char* seconds,
                              std::string_view message) {
  its.replace_header("Retry-After", seconds);
  return refuse(its, result, 503, "limit_exceeded", message);
}

void Upgrades::count(HandshakeResult result) {
  parts_.transport.rules.metrics->handshakes[static_cast<std::size_t>(result)].add();
}

}  // namespace zws
