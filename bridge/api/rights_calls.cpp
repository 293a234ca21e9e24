#include "api/rights_calls.hpp"

#include <algorithm>
#include <set>

#include "api/body.hpp"
#include "api/list_query.hpp"
#include "auth/grants.hpp"
#include "core/json_text.hpp"
#include "core/user.hpp"

namespace zws {
namespace {

constexpr std::size_t asked_max = 1000;

HttpResponse ok(std::string body) {
  HttpResponse response;
  response.body = std::move(body);
  return response;
}

std::string refused_json(std::string_view reason) {
  return JsonObject().boolean("valid", false).text("reason", reason).done();
}

// Whom a token with these claims would prove.
Identity made_up(const AuthConfig& config, const std::string& user,
                 std::vector<std::string> roles) {
  std::set<std::string> known;
  const auto again = [&known](const std::string& role) { return !known.insert(role).second; };
  roles.erase(std::remove_if(roles.begin(), roles.end(), again), roles.end());
  Identity identity;
  identity.user = user;
  identity.roles = std::move(roles);
  const std::vector<std::string>& admin = config.claims.admin;
  identity.admin =
      std::any_of(identity.roles.begin(), identity.roles.end(), [&](const std::string& role) {
        return std::find(admin.begin(), admin.end(), role) != admin.end();
      });
  return identity;
}

std::string texts_json(const std::vector<std::string>& texts) {
  std::vector<std::string> items;
  for (const std::string& text : texts) items.push_back(json_string(text));
  return json_list(items);
}

std::string calls_json(const AuthConfig& config, const Identity& identity) {
  std::vector<std::string> items;
  for (const std::string_view right :
       {"stats", "metrics", "publish", "broadcast", "notify", "disconnect"})
    if (may(config, identity, right)) items.push_back(json_string(right));
  return json_list(items);
}

std::string right_json(const GrantedRight& right) {
  return JsonObject().text("pattern", right.pattern.text()).text("from", right.from).done();
}

std::string asked_json(const Grants& grants, const std::vector<GrantedRight>& rights,
                       const std::string& topic) {
  const auto wanted = Pattern::parse(topic);
  const auto granted = wanted ? grants.granted(*wanted) : std::nullopt;
  JsonObject row;
  row.text("topic", topic).boolean("granted", granted.has_value());
  const auto by = std::find_if(rights.begin(), rights.end(), [&](const GrantedRight& right) {
    return granted && right.pattern.covers(*granted);
  });
  if (by == rights.end()) return row.json("by", "null").done();
  return row.json("by", right_json(*by)).done();
}

}  // namespace

std::string rights_json(const AuthConfig& config, const Identity& identity,
                        const std::vector<std::string>& asked) {
  const std::vector<GrantedRight> rights = granted_rights(config, identity);
  const Grants grants(config, &identity, false);
  std::vector<std::string> topics;
  for (const GrantedRight& right : rights) topics.push_back(right_json(right));
  std::vector<std::string> answers;
  for (const std::string& topic : asked) answers.push_back(asked_json(grants, rights, topic));
  return JsonObject()
      .boolean("valid", true)
      .json("user", identity.user.empty() ? "null" : json_string(identity.user))
      .boolean("admin", identity.admin)
      .json("roles", texts_json(identity.roles))
      .json("expires", identity.expires.empty() ? "null" : json_string(identity.expires))
      .json("topics", json_list(topics))
      .json("calls", calls_json(config, identity))
      .json("asked", json_list(answers))
      .done();
}

void RightsCalls::ask(const ApiRequest& request, HttpReply reply) {
  const Body body(request.http.body, {"token", "user", "roles", "topics"});
  const auto token = body.optional_string("token");
  const auto user = body.optional_string("user");
  auto roles = body.optional_strings("roles", asked_max);
  auto asked = body.optional_strings("topics", asked_max).value_or(std::vector<std::string>{});
  if (token.has_value() == user.has_value() || (token && roles))
    throw ApiRefusal{400, "invalid_message", "send either \"token\", or \"user\" and \"roles\""};
  if (asked.size() > asked_max)
    throw ApiRefusal{400, "limit_exceeded", "\"topics\" may name 1,000"};
  if (roles && roles->size() > asked_max)
    throw ApiRefusal{400, "limit_exceeded", "\"roles\" may name 1,000"};
  if (token) return ask_token(*token, std::move(asked), std::move(reply));
  request.audit->about("user", *user);
  if (!is_user(*user))
    throw ApiRefusal{400, "invalid_message",
                     "a user is 1 to 200 bytes without control characters or '*'"};
  const ConfigPtr config = std::atomic_load(&config_);
  const Identity identity =
      made_up(config->auth, *user, roles ? std::move(*roles) : std::vector<std::string>{});
  reply(ok(rights_json(config->auth, identity, asked)));
}

void RightsCalls::ask_token(const std::string& token, std::vector<std::string> asked,
                            HttpReply reply) {
  const ConfigPtr config = std::atomic_load(&config_);
  if (verifier_.open()) {
    if (!lanes_.admin_token().matches(token))
      return reply(
          ok(refused_json("no key is configured, so that no token is looked at: everyone "
                          "may hear everything")));
    Identity administrator;
    administrator.admin = true;
    return reply(ok(rights_json(config->auth, administrator, asked)));
  }
  verifier_.verify(token, [this, config, asked = std::move(asked),
                           reply = std::move(reply)](const Verdict& verdict) {
    if (verdict.fault != TokenFault::none) return reply(ok(refused_json(verdict.reason)));
    clerk_.post([config, asked, reply, identity = verdict.identity] {
      reply(ok(rights_json(config->auth, *identity, asked)));
    });
  });
}

}  // namespace zws
