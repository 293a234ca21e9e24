#include "config/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace zws {
namespace {

constexpr std::string_view tcp_prefix = "tcp://";
constexpr std::string_view ipc_prefix = "ipc://";
constexpr std::string_view unix_prefix = "unix:";
constexpr std::size_t socket_path_bytes_max = 107;  // what sockaddr_un holds beside its last 0
constexpr unsigned ipv4_offset_bits = 96;           // of an IPv4 address mapped into IPv6

bool is_odd(char c) noexcept { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F; }

bool starts_with(std::string_view text, std::string_view prefix) noexcept {
  return text.substr(0, prefix.size()) == prefix;
}

std::optional<unsigned> parse_number(std::string_view text, unsigned max) noexcept {
  unsigned number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, fault] = std::from_chars(text.data(), end, number);
  if (fault != std::errc{} || rest != end || number > max) return std::nullopt;
  return number;
}

bool is_in(const IpBytes& ip, const IpBytes& network, unsigned bits) noexcept {
  for (unsigned i = 0; i < 16 && i * 8 < bits; ++i) {
    const unsigned here = std::min(bits - i * 8, 8u);
    const auto mask = static_cast<std::uint8_t>(0xFF00u >> here);
    if ((ip[i] & mask) != (network[i] & mask)) return false;
  }
  return true;
}

// "host:port" cut at its last colon; brackets around an IPv6 host fall away.
struct HostPort {
  std::string_view host, port;
  bool bracketed = false;
};

std::optional<HostPort> split(std::string_view text) noexcept {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  HostPort parts{text.substr(0, colon), text.substr(colon + 1), false};
  if (parts.host.size() >= 2 && parts.host.front() == '[' && parts.host.back() == ']') {
    parts.host = parts.host.substr(1, parts.host.size() - 2);
    parts.bracketed = true;
  } else if (parts.host.find(':') != std::string_view::npos) {
    return std::nullopt;  // IPv6 without brackets: which colon begins the port?
  }
  return parts;
}

}  // namespace

std::optional<IpBytes> parse_ip(std::string_view text) noexcept {
  char terminated[64] = {};
  if (text.size() >= sizeof terminated || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  std::copy(text.begin(), text.end(), terminated);
  IpBytes bytes{};
  if (inet_pton(AF_INET6, terminated, bytes.data()) == 1) return bytes;
  bytes[10] = bytes[11] = 0xFF;
  if (inet_pton(AF_INET, terminated, bytes.data() + 12) == 1) return bytes;
  return std::nullopt;
}

bool is_loopback_ip(std::string_view ip) noexcept {
  static const auto v4 = Network::parse("127.0.0.0/8");
  static const auto v6 = Network::parse("::1");
  return v4->contains(ip) || v6->contains(ip);
}

std::optional<Address> Address::parse(std::string_view text) {
  const auto parts = split(text);
  if (!parts) return std::nullopt;
  const auto port = parse_number(parts->port, 65535);
  if (!port) return std::nullopt;
  const std::string host =
      parts->host == "localhost" && !parts->bracketed ? "127.0.0.1" : std::string(parts->host);
  const bool is_v6 = host.find(':') != std::string::npos;
  if (!parse_ip(host) || is_v6 != parts->bracketed) return std::nullopt;
  return Address{host, static_cast<std::uint16_t>(*port)};
}

bool Address::is_loopback() const noexcept { return is_loopback_ip(host); }

std::optional<std::string_view> unix_path(std::string_view text) noexcept {
  if (!starts_with(text, unix_prefix)) return std::nullopt;
  text.remove_prefix(unix_prefix.size());
  const bool fits = !text.empty() && text.size() <= socket_path_bytes_max;
  return fits && std::none_of(text.begin(), text.end(), is_odd) ? std::optional(text)
                                                                : std::nullopt;
}

bool is_listen_address(std::string_view text) {
  return unix_path(text).has_value() || Address::parse(text).has_value();
}

bool listens_beyond_machine(std::string_view text) {
  const auto address = Address::parse(text);
  return address && !address->is_loopback();
}

std::optional<Network> Network::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view ip = text.substr(0, slash);
  const auto bytes = parse_ip(ip);
  if (!bytes) return std::nullopt;
  const bool is_v6 = ip.find(':') != std::string_view::npos;
  Network network;
  network.bytes_ = *bytes;
  network.bits_ = 128;
  if (slash != std::string_view::npos) {
    const auto bits = parse_number(text.substr(slash + 1), is_v6 ? 128 : 32);
    if (!bits) return std::nullopt;
    network.bits_ = *bits + (is_v6 ? 0 : ipv4_offset_bits);
  }
  return network;
}

bool Network::contains(std::string_view ip) const noexcept {
  const auto bytes = parse_ip(ip);
  return bytes && is_in(*bytes, bytes_, bits_);
}

bool is_endpoint(std::string_view text, EndpointSide side) noexcept {
  if (std::any_of(text.begin(), text.end(), is_odd)) return false;
  if (starts_with(text, ipc_prefix)) {
    const std::size_t size = text.size() - ipc_prefix.size();
    return size >= 1 && size <= socket_path_bytes_max;
  }
  if (!starts_with(text, tcp_prefix)) return false;
  const auto parts = split(text.substr(tcp_prefix.size()));
  if (!parts || parts->host.empty() || parts->host.find('/') != std::string_view::npos)
    return false;
  const auto port = parse_number(parts->port, 65535);
  if (side == EndpointSide::bind) return port || parts->port == "*";
  return port && *port != 0 && parts->host != "*";
}

bool reaches_beyond_machine(std::string_view endpoint) noexcept {
  if (!starts_with(endpoint, tcp_prefix)) return false;
  const auto parts = split(endpoint.substr(tcp_prefix.size()));
  if (!parts) return true;
  return parts->host != "localhost" && parts->host != "lo" && !is_loopback_ip(parts->host);
}

}  // namespace zws
