// zws token: makes a token that the bridge takes, signed with its shared secret.

#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "core/clock.hpp"
#include "core/log.hpp"
#include "core/pattern.hpp"
#include "core/topic.hpp"
#include "duration.hpp"
#include "json_web_token.hpp"
#include "output.hpp"
#include "small_file.hpp"

namespace zws::tool {
namespace {

constexpr std::size_t secret_bytes_min = 32;
constexpr std::size_t user_bytes_max = 200;

struct TokenOptions {
  TokenClaims claims;
  std::string ttl = "1h";
  std::string secret_file;
  std::vector<std::string> more;  // NAME=VALUE each
};

// From --secret-file, or from where the bridge itself would take it.
std::string secret_of(const TokenOptions& options) {
  std::string secret;
  const char* file = std::getenv("ZWSBRIDGE_AUTH_HS256_SECRET_FILE");
  const char* text = std::getenv("ZWSBRIDGE_AUTH_HS256_SECRET");
  if (!options.secret_file.empty())
    secret = read_small_file("the secret", options.secret_file);
  else if (file && *file)
    secret = read_small_file("the secret", file);
  else if (text && *text)
    secret = text;
  else
    throw Failure(
        Exit::usage,
        "--secret-file is needed: the file that the bridge's auth.hs256_secret_file names");
  if (secret.size() < secret_bytes_min)
    throw Failure(Exit::failed, "the secret has " + std::to_string(secret.size()) +
                                    " bytes; the bridge wants at least 32");
  return secret;
}

// The value is JSON, or else a text: 7 is a number, and ada a name.
std::pair<std::string, std::string> claim_of(const std::string& given) {
  const std::size_t equals = given.find('=');
  if (equals == 0 || equals == given.npos || !is_utf8(given))
    throw Failure(Exit::usage, "--claim wants NAME=VALUE, not '" + log::escaped(given) + "'");
  const std::string value = given.substr(equals + 1);
  const bool json = nlohmann::json::accept(value);
  return {given.substr(0, equals), json ? value : nlohmann::json(value).dump()};
}

void check(const TokenClaims& claims) {
  const std::string& user = claims.user;
  if (user.empty() || user.size() > user_bytes_max || !is_utf8(user) || has_control(user) ||
      user.find('*') != user.npos)
    throw Failure(Exit::usage,
                  "--user must be 1 to 200 bytes of UTF-8 without '*' and control characters");
  for (const std::string& topic : claims.topics)
    if (!Pattern::parse(topic))
      throw Failure(Exit::usage,
                    "--topics: '" + log::escaped(topic) + "' is neither a topic nor a pattern");
}

Exit token(TokenOptions options) {
  check(options.claims);
  for (const std::string& given : options.more) options.claims.more.push_back(claim_of(given));
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(Clock::real().wall().time_since_epoch());
  options.claims.issued = now.count();
  const auto ttl = parse_duration("--ttl", options.ttl);
  options.claims.expires = (now + std::chrono::ceil<std::chrono::seconds>(ttl)).count();
  write_data(make_token(options.claims, secret_of(options)) + '\n');
  return Exit::done;
}

}  // namespace

void add_token(CLI::App& app, Run& run) {
  auto options = std::make_shared<TokenOptions>();
  CLI::App* command = app.add_subcommand("token", "Make a token (HS256) for a user");
  command->add_option("--user", options->claims.user, "Whose token it is (sub)")->required();
  command->add_flag("--admin", options->claims.admin, "An administrator's");
  command
      ->add_option("--role", options->claims.roles,
                   "A role of it, such as auth.roles knows; may be given again")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("R,...");
  command
      ->add_option("--claim", options->more,
                   "Another claim, whose value is JSON or else a text; may be given again")
      ->allow_extra_args(false)
      ->type_name("NAME=VALUE");
  CLI::Option* topics =
      command
          ->add_option("--topics", options->claims.topics,
                       "What it may listen to, in place of auth.user.subscribe: import:*,orders")
          ->delimiter(',')
          ->allow_extra_args(false)
          ->type_name("P,...");
  command->add_option("--ttl", options->ttl, "How long it is good")
      ->type_name("TIME")
      ->capture_default_str();
  command->add_option("--secret-file", options->secret_file, "The bridge's auth.hs256_secret_file")
      ->type_name("FILE");
  command->add_option("--issuer", options->claims.issuer, "iss, where auth.issuer asks for it");
  command->add_option("--audience", options->claims.audience,
                      "aud, where auth.audience asks for it");
  command->footer(
      "The token alone goes to stdout. Without --secret-file the secret is taken from\n"
      "ZWSBRIDGE_AUTH_HS256_SECRET_FILE or ZWSBRIDGE_AUTH_HS256_SECRET.\n\n"
      "Examples:\n"
      "  zws token --user ada --secret-file secret\n"
      "  zws token --user ops --admin --ttl 10m --secret-file secret > ops.token\n"
      "  zws token --user app --role backend --secret-file secret\n"
      "  zws token --user app --claim 'realm_access={\"roles\":[\"ops\"]}' --secret-file secret\n"
      "  zws token --user shop --topics 'orders:shop:*,notifications' --secret-file secret");
  command->callback([options, topics, &run] {
    options->claims.has_topics = topics->count() != 0;
    run = [options] { return token(*options); };
  });
}

}  // namespace zws::tool
