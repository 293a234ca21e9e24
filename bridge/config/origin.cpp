#include "config/origin.hpp"

#include <algorithm>
#include <charconv>

namespace zws {
namespace {

bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool is_scheme(std::string_view text) noexcept {
  return !text.empty() && is_lower(text[0]) && std::all_of(text.begin(), text.end(), [](char c) {
    return is_lower(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
}

// A browser leaves out the port that goes without saying, and zeros before it.
bool is_port_of(std::string_view scheme, std::string_view text) noexcept {
  unsigned port = 0;
  const auto [rest, fault] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (fault != std::errc{} || rest != text.data() + text.size() || text[0] == '0') return false;
  if (scheme == "http" && port == 80) return false;
  return port <= 65535 && (scheme != "https" || port != 443);
}

// Only of the web's own schemes it is sure that they are sent in lower case.
bool is_host_of(std::string_view scheme, std::string_view text) noexcept {
  const bool of_web = scheme == "http" || scheme == "https";
  return !text.empty() && std::all_of(text.begin(), text.end(), [of_web](char c) {
    const bool printable = c > 0x20 && c < 0x7F;
    return printable && !(of_web && is_upper(c)) &&
           std::string_view(R"(/?#@*\"<>^|%:[])").find(c) == std::string_view::npos;
  });
}

// The address in brackets, or else nothing.
std::string_view in_brackets(std::string_view authority) noexcept {
  const std::size_t end = authority.find(']');
  if (authority[0] != '[' || end == std::string_view::npos) return {};
  const std::string_view inside = authority.substr(1, end - 1);
  const bool fits = std::all_of(inside.begin(), inside.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || c == ':' || c == '.';
  });
  return fits ? inside : std::string_view{};
}

}  // namespace

bool is_origin(std::string_view text) noexcept {
  if (text == "null" || text == "file://") return true;
  const std::size_t mark = text.find("://");
  if (mark == std::string_view::npos || !is_scheme(text.substr(0, mark))) return false;
  const std::string_view scheme = text.substr(0, mark);
  const std::string_view authority = text.substr(mark + 3);
  if (authority.empty()) return false;
  const std::string_view address = in_brackets(authority);
  const std::size_t end =
      address.empty() ? std::min(authority.find(':'), authority.size()) : address.size() + 2;
  if (address.empty() && !is_host_of(scheme, authority.substr(0, end))) return false;
  const std::string_view rest = authority.substr(end);
  return rest.empty() || (rest.size() > 1 && rest[0] == ':' && is_port_of(scheme, rest.substr(1)));
}

}  // namespace zws
