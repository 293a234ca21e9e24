#include "url.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdlib>

#include "failure.hpp"

namespace zws::tool {
namespace {

constexpr const char* usual_path = "/api/ws";  // of server.path
constexpr int port_max = 65535;

bool is_port(std::string_view text) noexcept {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !text.empty() && text.size() <= 5 && std::all_of(text.begin(), text.end(), digit) &&
         std::atoi(std::string(text).c_str()) <= port_max;
}

bool is_host(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c > ' ' && c != 0x7f && c != '@' && c != '\\' && c != '[' && c != ']';
  });
}

bool take(std::string_view& text, std::string_view prefix) noexcept {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Takes the host, and leaves what follows it: nothing, or ":port".
std::string_view take_host(std::string_view& authority) noexcept {
  if (take(authority, "[")) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return {};
    const std::string_view host = authority.substr(0, end);
    authority.remove_prefix(end + 1);
    return host;
  }
  const std::size_t end = std::min(authority.find(':'), authority.size());
  const std::string_view host = authority.substr(0, end);
  authority.remove_prefix(end);
  return host;
}

}  // namespace

Url Url::parse(std::string_view text) {
  const Failure wrong(
      Exit::usage, "'" + std::string(text) + "' is not a URL such as ws://127.0.0.1:8000/api/ws");
  std::string_view rest = text;
  Url url;
  if (take(rest, "wss://") || take(rest, "https://"))
    url.tls = true;
  else if (!take(rest, "ws://") && !take(rest, "http://"))
    throw wrong;
  const std::size_t slash = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view authority = rest.substr(0, slash);
  url.path = rest.substr(slash);
  // A web address of a bridge alone: where it serves by default. With ws:// a "/" may be its path.
  const bool web = text.substr(0, 4) == "http";
  if (url.path.empty() || (web && url.path == "/")) url.path = usual_path;
  if (url.path[0] != '/') url.path.insert(0, "/");
  url.host = take_host(authority);
  url.port = url.tls ? "443" : "80";
  if (take(authority, ":")) {
    if (!is_port(authority)) throw wrong;
    url.port = authority;
  } else if (!authority.empty()) {
    throw wrong;
  }
  const auto unfit = [](unsigned char c) { return c <= ' ' || c == 0x7f || c == '#'; };
  if (!is_host(url.host) || std::any_of(url.path.begin(), url.path.end(), unfit)) throw wrong;
  return url;
}

bool Url::is_loopback() const noexcept {
  // Numbers only: a name that begins with them may lead anywhere.
  in_addr ipv4{};
  const bool numbers = ::inet_pton(AF_INET, host.c_str(), &ipv4) == 1;
  return host == "localhost" || host == "::1" || (numbers && (ntohl(ipv4.s_addr) >> 24) == 127);
}

std::string Url::authority() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return (ipv6 ? "[" + host + "]" : host) + ":" + port;
}

std::string Url::websocket() const { return (tls ? "wss://" : "ws://") + authority() + path; }

}  // namespace zws::tool
