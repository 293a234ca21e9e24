#include "port/proxy_header.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "config/address.hpp"

namespace zws {
namespace {

constexpr std::string_view text_mark = "PROXY ";
constexpr std::size_t text_bytes_max = 107;
constexpr std::string_view binary_mark{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::size_t binary_head_bytes = 16;

ProxyHeader bad() { return {ProxyHeader::Kind::bad, 0, {}}; }

std::string text_of(const IpBytes& ip) {
  char text[INET6_ADDRSTRLEN] = "";
  const bool v4 = std::all_of(ip.begin(), ip.begin() + 10, [](auto byte) { return byte == 0; }) &&
                  ip[10] == 0xFF && ip[11] == 0xFF;
  inet_ntop(v4 ? AF_INET : AF_INET6, ip.data() + (v4 ? 12 : 0), text, sizeof text);
  return text;
}

// Takes the word before the next space.
std::string_view next_word(std::string_view& line) noexcept {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

bool is_port(std::string_view word) noexcept {
  unsigned port = 0;
  const auto [rest, fault] = std::from_chars(word.data(), word.data() + word.size(), port);
  return fault == std::errc{} && rest == word.data() + word.size() && port <= 65535;
}

// PROXY TCP4 192.0.2.7 198.51.100.1 56324 443
ProxyHeader read_text(std::string_view begin) {
  const std::size_t end = begin.substr(0, text_bytes_max).find("\r\n");
  if (end == std::string_view::npos) {
    if (begin.size() >= text_bytes_max) return bad();
    return {};
  }
  ProxyHeader header{ProxyHeader::Kind::good, end + 2, {}};
  std::string_view line = begin.substr(text_mark.size(), end - text_mark.size());
  const std::string_view family = next_word(line);
  if (family == "UNKNOWN") return header;
  const std::string_view words[] = {next_word(line), next_word(line)};
  for (const std::string_view word : words) {
    const bool v6 = word.find(':') != std::string_view::npos;
    if (family != (v6 ? "TCP6" : "TCP4") || !parse_ip(word)) return bad();
  }
  const std::string_view from = next_word(line);
  const std::string_view to = next_word(line);
  if (!is_port(from) || !is_port(to) || !line.empty()) return bad();
  header.address = text_of(*parse_ip(words[0]));
  return header;
}

ProxyHeader read_binary(std::string_view begin) {
  if (begin.size() < binary_head_bytes) return {};
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(begin[i]); };
  const unsigned command = byte(12);
  const unsigned family = byte(13);
  const std::size_t size = binary_head_bytes + byte(14) * 256U + byte(15);
  const bool local = command == 0x20;
  if ((!local && command != 0x21) || size > proxy_header_bytes_max) return bad();
  if (begin.size() < size) return {};
  ProxyHeader header{ProxyHeader::Kind::good, size, {}};
  const std::string_view rest = begin.substr(binary_head_bytes, size - binary_head_bytes);
  constexpr unsigned none = 0x00, tcp4 = 0x11, tcp6 = 0x21, unix_stream = 0x31;
  if (local || family == none || family == unix_stream) return header;
  IpBytes ip{};
  if (family == tcp4 && rest.size() >= 12) {
    ip[10] = ip[11] = 0xFF;
    std::memcpy(ip.data() + 12, rest.data(), 4);
  } else if (family == tcp6 && rest.size() >= 36) {
    std::memcpy(ip.data(), rest.data(), 16);
  } else {
    return bad();
  }
  header.address = text_of(ip);
  return header;
}

}  // namespace

ProxyHeader read_proxy_header(std::string_view begin) {
  for (const std::string_view mark : {text_mark, binary_mark}) {
    const std::size_t both = std::min(begin.size(), mark.size());
    if (begin.substr(0, both) != mark.substr(0, both)) continue;
    if (both < mark.size()) return {};
    return mark == text_mark ? read_text(begin) : read_binary(begin);
  }
  return {ProxyHeader::Kind::none, 0, {}};
}

}  // namespace zws
