#include "ws/access.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace zws {
namespace {

// "example.org:8080", "[::1]:80", "::1" -> the host part, without brackets.
std::string_view host_of(std::string_view authority) noexcept {
  if (!authority.empty() && authority[0] == '[')
    return authority.substr(1, std::min(authority.find(']'), authority.size()) - 1);
  return authority.substr(0, authority.find(':'));
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
  if (same(host, "localhost")) return true;
  const auto address = parse_address(host);
  if (!address) return false;
  constexpr AddressBytes loopback6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  const bool v4 = (*address)[10] == 0xFF && (*address)[11] == 0xFF;
  return *address == loopback6 || (v4 && (*address)[12] == 127);
}

// A default port says nothing: "https://a:443" and "a" name one place.
std::string_view without_default_port(std::string_view authority, std::string_view scheme) {
  const std::string_view suffix = scheme == "https" || scheme == "wss" ? ":443" : ":80";
  if (authority.size() > suffix.size() &&
      authority.substr(authority.size() - suffix.size()) == suffix)
    authority.remove_suffix(suffix.size());
  return authority;
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

constexpr std::array<std::string_view, 7> forwarding_headers{
    "Forwarded",        "X-Forwarded-For",    "X-Forwarded-Host", "X-Forwarded-Proto",
    "X-Forwarded-Port", "X-Forwarded-Server", "X-Real-IP"};

}  // namespace

std::optional<AddressBytes> parse_address(std::string_view text) {
  const std::string copy(text);
  AddressBytes bytes{};
  if (inet_pton(AF_INET6, copy.c_str(), bytes.data()) == 1) return bytes;
  bytes.fill(0);
  if (inet_pton(AF_INET, copy.c_str(), bytes.data() + 12) != 1) return std::nullopt;
  bytes[10] = bytes[11] = 0xFF;
  return bytes;
}

std::string address_key(std::string_view address) {
  const auto bytes = parse_address(address);
  if (!bytes || ((*bytes)[10] == 0xFF && (*bytes)[11] == 0xFF)) return std::string(address);
  return std::string(reinterpret_cast<const char*>(bytes->data()), 8);
}

bool listens_on_loopback(std::string_view listen) { return is_loopback_host(host_of(listen)); }

Access::Access(const Config& config, bool open_mode)
    : origins_(config.server.allowed_origins),
      guarded_(open_mode && !config.auth.open),
      loopback_(listens_on_loopback(config.server.listen)) {
  for (const std::string& text : config.server.trusted_proxies) {
    const std::size_t slash = text.find('/');
    const auto bytes = parse_address(text.substr(0, slash));
    if (!bytes) continue;  // load_config has refused it
    const bool v4 = text.find(':') == std::string::npos;
    unsigned bits = v4 ? 32 : 128;
    if (slash != std::string::npos)
      std::from_chars(text.data() + slash + 1, text.data() + text.size(), bits);
    proxies_.push_back({*bytes, bits + (v4 ? 96 : 0)});
  }
}

bool Access::trusted(std::string_view address) const {
  const auto bytes = parse_address(address);
  if (!bytes) return false;
  const auto covers = [&](const Network& network) {
    for (unsigned bit = 0; bit < network.prefix_bits; ++bit) {
      const unsigned mask = 0x80U >> (bit % 8);
      if (((network.bytes[bit / 8] ^ (*bytes)[bit / 8]) & mask) != 0) return false;
    }
    return true;
  };
  return std::any_of(proxies_.begin(), proxies_.end(), covers);
}

std::string Access::client_address(std::string_view peer, const HttpRequest& request) const {
  std::string_view chain = request.header("X-Forwarded-For");
  if (chain.empty() || !trusted(peer)) return std::string(peer);
  // The rightmost address that is not one of our proxies; what stands left of it anyone may write.
  while (!chain.empty()) {
    const std::size_t comma = chain.rfind(',');
    const std::string_view last =
        trimmed(comma == std::string_view::npos ? chain : chain.substr(comma + 1));
    if (!parse_address(last)) break;
    if (!trusted(last)) return std::string(last);
    chain = comma == std::string_view::npos ? std::string_view{} : chain.substr(0, comma);
  }
  return std::string(peer);
}

bool Access::host_allowed(const HttpRequest& request) const {
  if (!guarded_) return true;
  const std::string_view host = host_of(request.header("Host"));
  if (!same(host, "localhost") && host != "127.0.0.1" && host != "::1") return false;
  return std::none_of(forwarding_headers.begin(), forwarding_headers.end(),
                      [&](std::string_view name) { return !request.header(name).empty(); });
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
