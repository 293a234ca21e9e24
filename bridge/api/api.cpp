#include "api/api.hpp"

#include <algorithm>
#include <cstdlib>

#include "api/list_query.hpp"
#include "auth/grants.hpp"
#include "config/secrecy.hpp"
#include "core/json_text.hpp"
#include "metrics/prometheus.hpp"

namespace zws {
namespace {

HttpResponse text(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(body);
  return response;
}

std::string bearer_of(const HttpRequest& request) {
  constexpr std::string_view scheme = "Bearer ";
  const std::string_view header = request.header("Authorization");
  const HeaderLess less;
  const std::string_view given = header.substr(0, scheme.size());
  if (less(given, scheme) || less(scheme, given)) return {};
  return std::string(header.substr(scheme.size()));
}

HttpResponse unauthorized(std::string_view code, std::string_view message) {
  HttpResponse response = HttpResponse::error(401, code, message);
  response.headers = {{"WWW-Authenticate", "Bearer"}};
  return response;
}

HttpResponse unauthorized(TokenFault fault) {
  const bool expired = fault == TokenFault::expired;
  return unauthorized(expired ? "token_expired" : "invalid_token",
                      expired ? "the token has expired" : "the token is not valid");
}

// What follows `base` in `path`, from its slash on; empty if `path` is not below `base`.
std::string_view below(std::string_view base, std::string_view path) noexcept {
  if (base.back() == '/') base.remove_suffix(1);
  const bool is_below =
      path.size() > base.size() && path.substr(0, base.size()) == base && path[base.size()] == '/';
  return is_below ? path.substr(base.size()) : std::string_view{};
}

// A slash too many behind server.path is easily written, and easily overlooked.
std::string nothing_at(const std::string& path, const std::string& server_path) {
  if (path != server_path + '/') return "there is nothing here";
  return "there is nothing here: WebSocket clients connect to " + server_path +
         ", without the slash behind it";
}

// What would let the call in, in the words of the configuration.
std::string lacking(std::string_view right) {
  if (right.empty())
    return "this is for administrators: no role of the token is one of auth.claims.admin";
  const std::string quoted = '"' + std::string(right) + '"';
  return "this needs the right " + quoted + ": auth.roles.NAME.may with " + quoted +
         " for a role of the token, or an administrator's token";
}

HttpReply with_headers(HttpReply reply, std::vector<std::pair<std::string, std::string>> headers) {
  return [reply = std::move(reply), headers = std::move(headers)](HttpResponse response) {
    for (const auto& header : headers) {
      const auto same = std::find_if(response.headers.begin(), response.headers.end(),
                                     [&](const auto& one) { return one.first == header.first; });
      if (same == response.headers.end()) {
        response.headers.push_back(header);
      } else {
        same->second += ", " + header.second;  // Vary
      }
    }
    reply(std::move(response));
  };
}

HttpReply with_audit(HttpReply reply, AuditPtr audit) {
  return [reply = std::move(reply), audit = std::move(audit)](HttpResponse response) {
    audit->answered(response);
    reply(std::move(response));
  };
}

}  // namespace

// `path` may hold one {part}, which may hold slashes: proxies decode %2F, and topics have them. `admin`:
// the administrator's, and `path` lies under server.path; a role that has `right` may make the call, too.
struct Api::Route {
  using Own = void (Api::*)(const ApiRequest&, HttpReply);
  using Call = void (Calls::*)(const ApiRequest&, HttpReply);

  const char* method;
  std::string_view path;
  bool admin;
  Own own;
  Call call;
  std::string_view right = {};

  // The decoded {part}, or an empty one for a path without; nothing if it is another path.
  std::optional<std::string> match(std::string_view given) const {
    const std::size_t open = path.find('{');
    if (open == std::string_view::npos)
      return given == path ? std::optional<std::string>("") : std::nullopt;
    const std::string_view before = path.substr(0, open);
    const std::string_view after = path.substr(path.find('}') + 1);
    if (given.size() <= before.size() + after.size() || given.substr(0, before.size()) != before ||
        given.substr(given.size() - after.size()) != after)
      return std::nullopt;
    return percent_decoded(
        given.substr(before.size(), given.size() - before.size() - after.size()));
  }
};

const std::vector<Api::Route>& Api::routes() {
  static const std::vector<Route> all{
      {"GET", "/healthz", false, &Api::healthz, nullptr},
      {"GET", "/readyz", false, &Api::readyz, nullptr},
      {"GET", "/metrics", false, &Api::metrics, nullptr, "metrics"},
      {"GET", "/openapi.json", false, &Api::openapi, nullptr},
      {"GET", "/", false, &Api::console, nullptr},
      {"GET", "/assets/{file}", false, &Api::asset, nullptr},
      {"GET", "/client.js", false, &Api::client, nullptr},
      {"GET", "/client.js.map", false, &Api::client, nullptr},
      {"GET", "/client.mjs", false, &Api::client, nullptr},
      {"GET", "/client.mjs.map", false, &Api::client, nullptr},
      {"GET", "/stats", true, nullptr, &Calls::stats, "stats"},
      {"POST", "/broadcast", true, nullptr, &Calls::broadcast, "broadcast"},
      {"POST", "/notify", true, nullptr, &Calls::notify, "notify"},
      {"POST", "/publish", true, nullptr, &Calls::publish, "publish"},
      {"GET", "/connections", true, nullptr, &Calls::connections},
      {"GET", "/connections/{client_id}", true, nullptr, &Calls::connection},
      {"DELETE", "/connections/{client_id}", true, nullptr, &Calls::disconnect, "disconnect"},
      {"DELETE", "/users/{id}/connections", true, nullptr, &Calls::disconnect_user, "disconnect"},
      {"GET", "/topics", true, nullptr, &Calls::topics},
      {"GET", "/topics/{topic}/history", true, nullptr, &Calls::history},
      {"GET", "/topics/{topic}", true, nullptr, &Calls::topic},  // behind what is longer
      {"GET", "/sources", true, nullptr, &Calls::sources},
      {"GET", "/samples", true, nullptr, &Calls::samples, "stats"},
      {"GET", "/log", true, nullptr, &Calls::newest_lines},
      {"POST", "/rights", true, nullptr, &Calls::rights},
      {"GET", "/config", true, nullptr, &Calls::config},
      {"GET", "/bridges", true, nullptr, &Calls::bridges},
  };
  return all;
}

Api::Api(Parts parts)
    : parts_(std::move(parts)),
      ready_check_({parts_.lanes, &ready_, parts_.key_fetcher, parts_.fleet}),
      calls_({parts_.lanes, parts_.exchange, parts_.metrics, parts_.verifier, &clerk_, &ready_,
              parts_.name, parts_.fleet, &ready_check_}) {
  reload(parts_.config, parts_.origins);
  calls_.sample();  // so that there is one from the beginning
  for (std::size_t i = 0; i < parts_.lanes->size(); ++i) {
    (*parts_.lanes)[i].requests().set_stats(
        [this](bool per_topic, std::function<void(std::string)> done) {
          if (per_topic) return calls_.recent_totals_with_topics(std::move(done));
          done(calls_.totals());
        });
  }
}

void Api::reload(const ConfigPtr& config, const Origins& origins) {
  calls_.reload(config, origins);
  std::atomic_store(&rules_, std::make_shared<const Rules>(Rules{
                                 config, Access(*config, parts_.verifier->open()),
                                 ShareFiles::read(parts_.share_folder, config->server.path)}));
}

void Api::handle(HttpRequest request, HttpReply reply) noexcept {
  const auto rules = std::atomic_load(&rules_);
  const std::string path = request.path;
  try {
    AuditPtr audit;
    if (is_administrative(*rules, request)) {
      audit = std::make_shared<Audit>(request, audit_valves_);
      reply = with_audit(std::move(reply), audit);
    }
    answer(*rules, {std::move(request), {}, std::move(audit), {}}, reply);
  } catch (const ApiRefusal& refusal) {
    reply(HttpResponse::error(refusal.status, refusal.code, refusal.message));
  } catch (const std::exception& error) {
    log::error("answering {} failed: {}", log::escaped(path), error.what());
    reply(HttpResponse::error(500, "internal", "the bridge could not answer"));
  }
}

// A call that only an administrator may make. A browser's question whether it may ask is none.
bool Api::is_administrative(const Rules& rules, const HttpRequest& request) {
  if (request.method == "OPTIONS") return false;
  if (request.path == "/metrics") return !rules.config->server.metrics_public;
  const auto under = below(rules.config->server.path, request.path);
  return std::any_of(routes().begin(), routes().end(), [&](const Route& route) {
    return route.admin && route.match(under).has_value();
  });
}

// --- letting in ----------------------------------------------------------------------------------

// What is refused before the page's Origin is known to be welcome goes out without CORS headers; from
// there on `reply` has them, in the caller's hands too.
void Api::answer(const Rules& rules, ApiRequest request, HttpReply& reply) {
  const HttpRequest& http = request.http;
  std::uint64_t suppressed = 0;
  if (!rules.access.host_allowed(http)) {
    if (host_log_.pass(suppressed))
      log::warning(
          "refused {}: without a key the bridge answers only as localhost and not through a proxy; "
          "configure auth or set auth.open = true{}",
          Access::host_fault(http), log::more(suppressed));
    throw ApiRefusal{403, "forbidden",
                     "in open mode the bridge answers only as localhost and not through a proxy"};
  }
  const std::string origin(http.header("Origin"));
  if (!origin.empty()) {
    if (!rules.access.origin_allowed(http.peer, http)) {
      if (origin_log_.pass(suppressed))
        log::warning("refused Origin \"{}\" from {}: add it to server.allowed_origins{}",
                     log::escaped(config::without_secrets(origin), 200), log::escaped(http.address),
                     log::more(suppressed));
      throw ApiRefusal{403, "forbidden", "this Origin is not in server.allowed_origins"};
    }
    reply = with_headers(std::move(reply),
                         {{"Access-Control-Allow-Origin", origin}, {"Vary", "Origin"}});
  }

  // Whoever asks whether the bridge is well is answered whatever others do.
  if (http.crowd != HttpCrowd::none && http.path != "/healthz" && http.path != "/readyz")
    return reply(HttpResponse::crowded(http.crowd));

  const std::string method = http.method == "HEAD" ? "GET" : http.method;
  const auto under = below(rules.config->server.path, http.path);
  std::string allowed;
  for (const Route& route : routes()) {
    auto argument = route.admin ? route.match(under) : route.match(http.path);
    if (!argument) continue;
    if (method == route.method) {
      request.argument = std::move(*argument);
      return admit(rules, route, std::move(request), reply);
    }
    if (allowed.find(route.method) != std::string::npos) continue;  // two of one method fit
    allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
    if (std::string_view(route.method) == "GET") allowed += ", HEAD";
  }
  if (http.path == rules.config->server.path) {
    if (method == "GET") return upgrade_required(request, reply);
    allowed = "GET, HEAD";
  }
  if (allowed.empty())
    throw ApiRefusal{404, "invalid_message", nothing_at(http.path, rules.config->server.path)};
  if (method == "OPTIONS") {
    HttpResponse preflight;
    preflight.status = 204;
    preflight.headers = {{"Allow", allowed + ", OPTIONS"},
                         {"Access-Control-Allow-Methods", allowed},
                         {"Access-Control-Allow-Headers", "Authorization, Content-Type"},
                         {"Access-Control-Max-Age", "600"}};
    return reply(std::move(preflight));
  }
  HttpResponse refused = HttpResponse::error(405, "invalid_message", "this path takes " + allowed);
  refused.headers = {{"Allow", allowed + ", OPTIONS"}};
  reply(std::move(refused));
}

void Api::admit(const Rules& rules, const Route& route, ApiRequest request, HttpReply reply) {
  const bool admin =
      route.admin || (route.own == &Api::metrics && !rules.config->server.metrics_public);
  if (!admin) return call(route, request, reply);
  if (route.own == &Api::metrics) request.audit->skip_if_done();  // as often as Prometheus asks

  const std::string key = address_key(request.http.address);
  const auto now = std::chrono::steady_clock::now();
  Admission& admission = parts_.lanes->admission();
  const auto later = [](std::string_view retry_after, std::string_view message) {
    HttpResponse response = HttpResponse::error(429, "rate_limited", message);
    response.headers = {{"Retry-After", std::string(retry_after)}};
    return response;
  };
  const bool slowed = admission.too_many_failed_tokens(key, now);
  const std::string_view too_many = "too many failed tokens from this address";
  const std::string token = bearer_of(request.http);
  if (token.empty())
    return reply(unauthorized("unauthorized", "send Authorization: Bearer with a token"));
  if (parts_.verifier->open()) {
    if (!parts_.lanes->admin_token().matches(token)) {
      if (slowed) return reply(later("60", too_many));
      admission.count_failed_token(key, now);
      request.audit->because("it is not the administrator's");
      return reply(unauthorized("invalid_token", "this is not the administrator's token"));
    }
    request.audit->by("administrator", true);
    return call(route, request, reply);
  }
  if (slowed && !parts_.verifier->passes(token)) return reply(later("60", too_many));
  auto judged = [this, &route, key, later, request = std::move(request),
                 reply = std::move(reply)](const Verdict& verdict) mutable {
    if (verdict.fault == TokenFault::busy) return reply(later("1", verdict.reason));
    if (verdict.fault != TokenFault::none) {
      request.audit->because(verdict.reason);
      if (verdict.counts)
        parts_.lanes->admission().count_failed_token(key, std::chrono::steady_clock::now());
      return reply(unauthorized(verdict.fault));
    }
    request.identity = verdict.identity;
    if (auto refused = objection(route, request)) return reply(std::move(*refused));
    call(route, request, reply);
  };
  parts_.verifier->verify(token, std::move(judged), key);
}

// Why who signed in may not make the call, by what is in force at this moment.
std::optional<HttpResponse> Api::objection(const Route& route, const ApiRequest& request) {
  if (!request.identity) {
    if (parts_.verifier->open()) return std::nullopt;
    return unauthorized("unauthorized", "a key was configured: send a token");
  }
  const Verdict verdict = parts_.verifier->again(request.identity);
  if (verdict.fault != TokenFault::none) {
    request.audit->because(verdict.reason);
    return unauthorized(verdict.fault);
  }
  const Identity& who = *verdict.identity;
  const auto rules = std::atomic_load(&rules_);
  const bool allowed =
      who.admin || (!route.right.empty() && may(rules->config->auth, who, route.right));
  request.audit->by(who.user, allowed);
  // Else a user who may only read would fill the log at will, over what administrators do.
  if (!who.admin && route.right == "stats") request.audit->skip_if_done();
  if (allowed) return std::nullopt;
  return HttpResponse::error(403, "forbidden", lacking(route.right));
}

// Only a call that is let in, and whose head is in order, has its body taken.
void Api::call(const Route& route, ApiRequest request, const HttpReply& reply) noexcept try {
  if (std::string_view(route.method) != "POST") return hand_over(route, std::move(request), reply);
  check_body(request.http, std::atomic_load(&rules_)->config->limits.event_bytes);
  const auto take_body = std::exchange(request.http.take_body, nullptr);
  take_body([this, &route, request = std::move(request), reply](std::string body) mutable {
    request.http.body = std::move(body);
    hand_over(route, std::move(request), reply);
  });
} catch (const ApiRefusal& refusal) {
  reply(HttpResponse::error(refusal.status, refusal.code, refusal.message));
} catch (const std::exception& error) {
  log::error("taking {} failed: {}", log::escaped(request.http.path), error.what());
  reply(HttpResponse::error(500, "internal", "the bridge could not answer"));
}

// What everybody may ask costs little and is answered at once.
void Api::hand_over(const Route& route, ApiRequest request, const HttpReply& reply) {
  if (route.call == nullptr) return do_call(route, request, reply);
  clerk_.post(
      [this, &route, request = std::move(request), reply] { do_call(route, request, reply); });
}

void Api::do_call(const Route& route, const ApiRequest& request, const HttpReply& reply) noexcept
    try {
  // A body may have been long in coming.
  if (std::string_view(route.method) == "POST")
    if (auto refused = objection(route, request)) return reply(std::move(*refused));
  if (route.own != nullptr) return (this->*route.own)(request, reply);
  (calls_.*route.call)(request, reply);
} catch (const ApiRefusal& refusal) {
  reply(HttpResponse::error(refusal.status, refusal.code, refusal.message));
} catch (const std::exception& error) {
  log::error("answering {} failed: {}", log::escaped(request.http.path), error.what());
  reply(HttpResponse::error(500, "internal", "the bridge could not answer"));
}

void Api::check_body(const HttpRequest& request, std::size_t bytes_max) {
  const std::string length(request.header("Content-Length"));
  if (!request.header("Transfer-Encoding").empty() || length.empty())
    throw ApiRefusal{411, "invalid_message", "send the body with Content-Length"};
  if (std::strtoull(length.c_str(), nullptr, 10) > bytes_max)
    throw ApiRefusal{413, "limit_exceeded", "a body may have limits.event_bytes"};
  const std::string_view type = request.header("Content-Type");
  const HeaderLess less;
  std::string_view media = type.substr(0, type.find(';'));
  while (!media.empty() && media.back() == ' ') media.remove_suffix(1);
  if (less(media, "application/json") || less("application/json", media))
    throw ApiRefusal{415, "invalid_message", "send application/json"};
}

// --- what everyone may ask -----------------------------------------------------------------------

void Api::healthz(const ApiRequest&, HttpReply reply) { reply(text(200, "ok\n")); }

void Api::readyz(const ApiRequest&, HttpReply reply) {
  const Readiness now = ready_check_.now();
  HttpResponse response;
  response.status = now.ready ? 200 : 503;
  response.body = readiness_json(now);
  reply(std::move(response));
}

void Api::metrics(const ApiRequest&, HttpReply reply) {
  HttpResponse response = text(200, prometheus_text(*parts_.metrics, parts_.fleet != nullptr));
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  reply(std::move(response));
}

void Api::console(const ApiRequest& request, HttpReply reply) {
  const auto rules = std::atomic_load(&rules_);
  if (!rules->config->server.console)
    throw ApiRefusal{404, "invalid_message", "server.console is false"};
  reply(rules->files.page.answer(request.http));
}

void Api::asset(const ApiRequest& request, HttpReply reply) {
  const auto rules = std::atomic_load(&rules_);
  const auto found = rules->files.assets.find(request.argument);
  if (!rules->config->server.console || found == rules->files.assets.end())
    throw ApiRefusal{404, "invalid_message", "there is no such file of the console"};
  reply(found->second.answer(request.http));
}

void Api::client(const ApiRequest& request, HttpReply reply) {
  reply(std::atomic_load(&rules_)->files.client.at(request.http.path).answer(request.http));
}

void Api::openapi(const ApiRequest& request, HttpReply reply) {
  reply(std::atomic_load(&rules_)->files.openapi.answer(request.http));
}

void Api::upgrade_required(const ApiRequest&, HttpReply reply) {
  HttpResponse response = HttpResponse::error(426, "invalid_message", "connect with a WebSocket");
  response.headers = {{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}};
  reply(std::move(response));
}

}  // namespace zws
