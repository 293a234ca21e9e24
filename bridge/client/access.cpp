#include "client/access.hpp"

#include <algorithm>
#include <array>

#include "core/log.hpp"

namespace zws {
namespace {

// "example.org:8080", "[::1]:80" -> the host part, without brackets; empty for half a bracket.
std::string_view host_of(std::string_view authority) noexcept {
  if (authority.empty() || authority[0] != '[') return authority.substr(0, authority.find(':'));
  const std::size_t end = authority.find(']');
  if (end == std::string_view::npos) return {};
  const std::string_view rest = authority.substr(end + 1);
  return rest.empty() || rest[0] == ':' ? authority.substr(1, end - 1) : std::string_view{};
}

std::string_view after_scheme(std::string_view origin) noexcept {
  const std::size_t slashes = origin.find("://");
  return slashes == std::string_view::npos ? std::string_view{} : origin.substr(slashes + 3);
}

bool same(std::string_view a, std::string_view b) noexcept {
  const HeaderLess less;
  return !less(a, b) && !less(b, a);
}

bool is_loopback_host(std::string_view host) {
  return same(host, "localhost") || is_loopback_ip(host);
}

bool listens_on_loopback(const Config& config) {
  const std::vector<std::string>& all = config.server.listen;
  return std::none_of(all.begin(), all.end(), listens_beyond_machine);
}

// A default port says nothing: "https://a:443" and "a" name one place.
std::string_view without_default_port(std::string_view authority, std::string_view scheme) {
  const std::string_view suffix = scheme == "https" || scheme == "wss" ? ":443" : ":80";
  if (authority.size() > suffix.size() &&
      authority.substr(authority.size() - suffix.size()) == suffix)
    authority.remove_suffix(suffix.size());
  return authority;
}

constexpr std::array<std::string_view, 7> forwarding_headers{
    "Forwarded",        "X-Forwarded-For",    "X-Forwarded-Host", "X-Forwarded-Proto",
    "X-Forwarded-Port", "X-Forwarded-Server", "X-Real-IP"};

bool names_this_machine(const HttpRequest& request) {
  // HTTP/1.0 may have none: that is no browser, whom another's name could be slipped to.
  const bool named = request.headers.count("Host") != 0;
  const std::string_view host = named ? host_of(request.header("Host")) : "localhost";
  return same(host, "localhost") || host == "127.0.0.1" || host == "::1";
}

// The first header that says that somebody forwarded it, or "".
std::string_view forwarding_header(const HttpRequest& request) {
  const auto* const found =
      std::find_if(forwarding_headers.begin(), forwarding_headers.end(),
                   [&](std::string_view name) { return !request.header(name).empty(); });
  return found == forwarding_headers.end() ? std::string_view{} : *found;
}

}  // namespace

std::string address_key(std::string_view address) {
  const auto bytes = parse_ip(address);
  if (!bytes) return std::string(address);
  const auto* const text = reinterpret_cast<const char*>(bytes->data());
  const bool ipv4 = (*bytes)[10] == 0xFF && (*bytes)[11] == 0xFF;  // however it was spelt
  return ipv4 ? std::string(text + 12, 4) : std::string(text, 8);
}

Access::Access(const Config& config, bool open_mode)
    : origins_(config.server.allowed_origins),
      guarded_(open_mode && !config.auth.open),
      loopback_(listens_on_loopback(config)) {
  for (const std::string& text : config.server.trusted_proxies) {
    if (const auto network = Network::parse(text)) proxies_.push_back(*network);
  }
}

bool Access::trusted(std::string_view address) const {
  return std::any_of(proxies_.begin(), proxies_.end(),
                     [&](const Network& network) { return network.contains(address); });
}

std::string Access::client_address(std::string_view peer, const HttpRequest& request) const {
  std::string_view chain = request.header("X-Forwarded-For");
  if (chain.empty() || !trusted(peer)) return std::string(peer);
  // The rightmost address that is not one of our proxies; what stands left of it anyone may write.
  while (!chain.empty()) {
    const std::size_t comma = chain.rfind(',');
    const std::string_view entry =
        trimmed(comma == std::string_view::npos ? chain : chain.substr(comma + 1));
    const std::string_view last = parse_ip(entry) ? entry : host_of(entry);  // some add a port
    if (!parse_ip(last)) break;
    if (!trusted(last)) return std::string(last);
    chain = comma == std::string_view::npos ? std::string_view{} : chain.substr(0, comma);
  }
  return std::string(peer);
}

bool Access::host_allowed(const HttpRequest& request) const {
  return !guarded_ || (names_this_machine(request) && forwarding_header(request).empty());
}

std::string Access::host_fault(const HttpRequest& request) {
  const std::string_view name =
      names_this_machine(request) ? forwarding_header(request) : std::string_view("Host");
  return std::string(name) + " \"" + log::escaped(request.header(name)) + '"';
}

bool Access::origin_allowed(std::string_view peer, const HttpRequest& request) const {
  const std::string_view origin = request.header("Origin");
  if (origin.empty()) return true;
  if (!origins_.empty())
    return std::find(origins_.begin(), origins_.end(), origin) != origins_.end();
  const std::string_view authority = after_scheme(origin);
  if (authority.empty()) return false;
  const std::string_view scheme = origin.substr(0, origin.find(':'));
  if (loopback_ && is_loopback_host(host_of(authority))) return true;
  std::string_view host = request.header("Host");
  const std::string_view forwarded = request.header("X-Forwarded-Host");
  if (!forwarded.empty() && trusted(peer)) host = trimmed(forwarded.substr(0, forwarded.find(',')));
  return same(without_default_port(authority, scheme), without_default_port(host, scheme));
}

}  // namespace zws
