#include "login.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "failure.hpp"
#include "output.hpp"
#include "small_file.hpp"

namespace zws::tool {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// Why what is open may be of others; empty if it is not.
std::string why_of_others(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return std::strerror(errno);
  if (info.st_uid != ::geteuid() && info.st_uid != 0) return "it belongs to another user";
  return (info.st_mode & 022) == 0 ? "" : "others may write to it";
}

// In the folder itself, so that nobody can change the way to it in between. Empty: there is none.
std::string token_in(const std::string& folder, const std::string& name) {
  const auto refuse = [](const std::string& what, const std::string& why) {
    talk("zws: the administrator's token in " + what + " is not taken: " + why);
    return std::string();
  };
  const int place = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (place < 0) return {};
  const int fd = ::openat(place, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  const std::string of_others = fd < 0 ? "" : why_of_others(place);
  ::close(place);
  if (fd < 0) return {};
  const std::string& why = of_others.empty() ? why_of_others(fd) : of_others;
  if (why.empty()) return read_small_file("the administrator's token", folder + "/" + name, fd);
  ::close(fd);
  return refuse(of_others.empty() ? folder + "/" + name : folder, why);
}

// The token in argument `i`, if it is --token=JWT, or in the one behind it, if it is --token; else null.
char* token_at(int argc, char** argv, int i) noexcept {
  constexpr std::string_view with_value = "--token=";
  const std::string_view argument = argv[i];
  if (argument == "--token" && i + 1 < argc) return argv[i + 1];
  return argument.substr(0, with_value.size()) == with_value ? argv[i] + with_value.size()
                                                             : nullptr;
}

// What of an argument looks like a JWT: how every JSON object with a name begins in base64, then two dots.
std::string_view jwt_in(std::string_view argument) noexcept {
  const std::size_t begin = argument.find("eyJ");
  if (begin == std::string_view::npos) return {};
  argument.remove_prefix(begin);
  return std::count(argument.begin(), argument.end(), '.') >= 2 ? argument : std::string_view();
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

void add_token_options(CLI::App& command, Login& login) {
  command.add_option("--token", login.token, "A token (default: $ZWS_TOKEN)")->type_name("JWT");
  command
      .add_option("--token-file", login.token_file, "Read the token from this file (- is stdin)")
      ->type_name("FILE");
}

void add_login_options(CLI::App& command, Login& login) {
  add_place_options(command, login);
  add_token_options(command, login);
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
    if (folder.empty()) continue;
    std::string token = token_in(folder, "zwsbridge-" + url.port + ".token");
    if (!token.empty()) return token;
  }
  return {};
}

void hide_tokens(int argc, char** argv) noexcept {
  for (int i = 1; i < argc; ++i) {
    char* token = token_at(argc, argv, i);
    if (token) std::memset(token, 'x', std::strlen(token));
  }
}

std::string without_tokens(std::string text, int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    char* given = token_at(argc, argv, i);
    const std::string_view token = given ? given : jwt_in(argv[i]);
    if (token.empty()) continue;
    for (std::size_t at = 0; (at = text.find(token, at)) != std::string::npos;)
      text.replace(at, token.size(), "***");
  }
  return text;
}

}  // namespace zws::tool
