// Address: names on the network: IP addresses and networks, listeners, ZeroMQ endpoints.
//
// Thread: any; values and pure functions. Nothing is resolved: a name is only ever "localhost".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zws {

// An IPv4 or IPv6 address; IPv4 is written as the IPv6 address it maps to (::ffff:10.0.0.1).
using IpBytes = std::array<std::uint8_t, 16>;

// `text` without brackets or port. Nothing for anything else.
std::optional<IpBytes> parse_ip(std::string_view text) noexcept;

// 127.0.0.0/8 and ::1; false if `ip` is no IP address.
bool is_loopback_ip(std::string_view ip) noexcept;

struct Address {
  std::string host;  // an IP address without brackets; localhost is 127.0.0.1
  std::uint16_t port = 0;

  // "127.0.0.1:8000", "[::1]:8000", "localhost:8000". Nothing for anything else.
  static std::optional<Address> parse(std::string_view text);

  bool is_loopback() const noexcept;
};

// The path of "unix:PATH"; nothing for anything else.
std::optional<std::string_view> unix_path(std::string_view text) noexcept;

// Whether the bridge can listen there: an Address, or "unix:PATH".
bool is_listen_address(std::string_view text);

// Whether listening there (valid) lets other machines in.
bool listens_beyond_machine(std::string_view text);

// An IP network, as in trusted_proxies: "10.0.0.0/8", "::1/128", or one address.
class Network {
 public:
  static std::optional<Network> parse(std::string_view text);

  // `ip` without brackets or port; false if it is no IP address. An IPv4 address mapped into IPv6
  // (::ffff:10.0.0.1) counts as the IPv4 address it is.
  bool contains(std::string_view ip) const noexcept;

 private:
  IpBytes bytes_{};
  unsigned bits_ = 0;
};

// Which side of a ZeroMQ connection an endpoint is for: only one that binds may leave parts open.
enum class EndpointSide : std::uint8_t { bind, connect };

// Whether `text` is an endpoint of ZeroMQ over tcp or ipc.
bool is_endpoint(std::string_view text, EndpointSide side) noexcept;

// Whether binding `endpoint` (valid) lets other machines in: tcp on anything but loopback.
bool reaches_beyond_machine(std::string_view endpoint) noexcept;

}  // namespace zws
