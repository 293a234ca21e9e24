#include "config/bridge_name.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>

namespace zws {
namespace {

constexpr std::size_t host_bytes_max = 58;  // leaves room for the port

bool fits(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
         c == '_' || c == '-';
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  std::string host = std::string(name.data()).substr(0, host_bytes_max);
  std::replace_if(
      host.begin(), host.end(), [](char c) { return !fits(c); }, '-');
  return host;
}

}  // namespace

std::string bridge_name(const RelayConfig& config, std::string_view address) {
  if (!config.name.empty()) return config.name;
  const std::size_t colon = address.rfind(':');
  const std::string_view port =
      colon == std::string_view::npos ? std::string_view{} : address.substr(colon + 1);
  const bool is_port = !port.empty() && std::all_of(port.begin(), port.end(),
                                                    [](char c) { return c >= '0' && c <= '9'; });
  return host_name() + (is_port ? ':' + std::string(port) : "");
}

}  // namespace zws
