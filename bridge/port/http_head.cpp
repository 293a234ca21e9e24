#include "port/http_head.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/http.hpp"

namespace zws {
namespace {

constexpr int bad_request = 400;
constexpr int uri_too_long = 414;
constexpr int head_too_large = 431;

bool is_token(std::string_view text) noexcept {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  const auto allowed = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.find(c) != std::string_view::npos;
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), allowed);
}

bool equal_without_case(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [&](char x, char y) { return lower(x) == lower(y); });
}

bool has_line_noise(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7F;
  });
}

bool starts_with(std::string_view text, std::string_view start) noexcept {
  return equal_without_case(text.substr(0, start.size()), start);
}

// What precedes the authority of an absolute target; empty for any other.
std::string_view scheme_of(std::string_view target) noexcept {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (starts_with(target, scheme)) return scheme;
  }
  return {};
}

bool is_target(std::string_view target) noexcept {
  if (target.empty() || target.find(' ') != std::string_view::npos) return false;
  if (target[0] == '/') return true;
  const std::string_view scheme = scheme_of(target);
  if (scheme.empty()) return false;
  target.remove_prefix(scheme.size());
  const std::string_view authority = target.substr(0, target.find_first_of("/?"));
  return !authority.empty() && authority.find_first_of("@#") == std::string_view::npos;
}

// METHOD SP target SP HTTP/1.x
bool is_request_line(std::string_view line) noexcept {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || last == first) return false;
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  return is_token(line.substr(0, first)) && is_target(target) &&
         (version == "HTTP/1.1" || version == "HTTP/1.0");
}

bool is_length(std::string_view value) noexcept {
  return !value.empty() && value.size() <= 18 &&
         std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Headers of which two would mean two different requests to two readers.
constexpr std::array<std::string_view, 8> only_once{
    "Host",          "Content-Length", "Transfer-Encoding",     "Sec-WebSocket-Key",
    "Authorization", "Origin",         "Sec-WebSocket-Version", "Content-Type"};

}  // namespace

int partial_head_fault(std::string_view head) noexcept {
  if (std::min(head.find("\r\n"), head.size()) > request_line_bytes_max) return uri_too_long;
  return head.size() > request_head_bytes_max ? head_too_large : 0;
}

bool names_token(std::string_view header, std::string_view token) noexcept {
  while (!header.empty()) {
    const std::string_view one = header.substr(0, header.find(','));
    if (equal_without_case(trimmed(one), token)) return true;
    header.remove_prefix(std::min(one.size() + 1, header.size()));
  }
  return false;
}

RequestTarget target_of(std::string_view target) {
  const std::string_view scheme = scheme_of(target);
  if (scheme.empty()) return {{}, std::string(target)};
  target.remove_prefix(scheme.size());
  const std::size_t end = std::min(target.find_first_of("/?"), target.size());
  const std::string_view path = target.substr(end);
  return {target.substr(0, end), (path.empty() || path[0] == '?' ? "/" : "") + std::string(path)};
}

int head_fault(std::string_view head) noexcept {
  const int fault = partial_head_fault(head);
  if (fault != 0) return fault;
  std::size_t end = head.find("\r\n");
  if (end == std::string_view::npos || has_line_noise(head.substr(0, end)) ||
      !is_request_line(head.substr(0, end)))
    return bad_request;

  std::uint32_t seen = 0;
  for (std::size_t begin = end + 2; begin + 2 < head.size(); begin = end + 2) {
    end = head.find("\r\n", begin);
    if (end == std::string_view::npos) return bad_request;
    const std::string_view line = head.substr(begin, end - begin);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || has_line_noise(line) || !is_token(line.substr(0, colon)))
      return bad_request;
    const std::string_view name = line.substr(0, colon);
    for (std::size_t i = 0; i < only_once.size(); ++i) {
      if (!equal_without_case(name, only_once[i])) continue;
      if ((seen & (1U << i)) != 0) return bad_request;
      seen |= 1U << i;
    }
    if (equal_without_case(name, "Content-Length") && !is_length(trimmed(line.substr(colon + 1))))
      return bad_request;
  }
  const bool both_lengths = (seen & 2U) != 0 && (seen & 4U) != 0;
  return both_lengths ? bad_request : 0;
}

}  // namespace zws
