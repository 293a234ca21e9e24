#include "login.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "failure.hpp"
#include "small_file.hpp"

namespace zws::tool {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

void add_place_options(CLI::App& command, Login& login) {
  command.add_option("--url", login.url, "Where the bridge serves (default: $ZWS_URL)")
      ->envname("ZWS_URL")
      ->type_name("URL")
      ->capture_default_str();
  command.add_option("--ca-file", login.tls.ca_file, "TLS: trust these certificates")
      ->type_name("FILE");
  command.add_flag("--insecure", login.tls.insecure, "TLS: trust any certificate");
}

void add_login_options(CLI::App& command, Login& login) {
  add_place_options(command, login);
  command.add_option("--token", login.token, "A token (default: $ZWS_TOKEN)")->type_name("JWT");
  command
      .add_option("--token-file", login.token_file, "Read the token from this file (- is stdin)")
      ->type_name("FILE");
}

std::string token_of(const Login& login) {
  if (!login.token.empty() && !login.token_file.empty())
    throw Failure(Exit::usage, "one of --token and --token-file, not both");
  std::string token = login.token;
  if (!login.token_file.empty()) token = read_small_file("the token", login.token_file);
  if (token.empty()) token = environment("ZWS_TOKEN");
  // It goes into a header line.
  const auto unfit = [](unsigned char c) { return c <= ' ' || c >= 0x7f; };
  if (std::any_of(token.begin(), token.end(), unfit))
    throw Failure(Exit::usage, "the token holds spaces or other characters that no token has");
  return token;
}

std::string administrator_token_of(const Url& url) {
  if (!url.is_loopback()) return {};
  const std::string user = std::to_string(::geteuid());
  for (const std::string& folder :
       {environment("RUNTIME_DIRECTORY"), environment("XDG_RUNTIME_DIR"), "/run/user/" + user,
        "/tmp/zwsbridge-" + user}) {
    const std::string file = folder + "/zwsbridge-" + url.port + ".token";
    if (!folder.empty() && ::access(file.c_str(), R_OK) == 0)
      return read_small_file("the administrator's token", file);
  }
  return {};
}

void hide_tokens(int argc, char** argv) noexcept {
  constexpr std::string_view with_value = "--token=";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    char* token = nullptr;
    if (argument == "--token" && i + 1 < argc) token = argv[i + 1];
    if (argument.substr(0, with_value.size()) == with_value) token = argv[i] + with_value.size();
    if (token) std::memset(token, 'x', std::strlen(token));
  }
}

}  // namespace zws::tool
