#include "core/secrets.hpp"

#include <algorithm>

namespace zws {
namespace {

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

// How long the PEM block is with which `text` begins; one without an end is all of it.
std::size_t pem_bytes(std::string_view text) {
  constexpr std::string_view begin = "-----BEGIN ", end = "-----END ", dashes = "-----";
  if (!starts_with(text, begin)) return 0;
  const std::size_t last = text.find(end);
  const std::size_t closed =
      last == std::string_view::npos ? last : text.find(dashes, last + end.size());
  return closed == std::string_view::npos ? text.size() : closed + dashes.size();
}

// How long the token is: its head is JSON, {"...", so all begin alike. One that was cut is one, too.
std::size_t token_bytes(std::string_view text) {
  constexpr std::size_t bytes_min = 16;
  if (!starts_with(text, "eyJ")) return 0;
  const auto* const end =
      std::find_if_not(text.begin(), text.end(), [](char c) { return is_word(c) || c == '.'; });
  const auto size = static_cast<std::size_t>(end - text.begin());
  return size < bytes_min ? 0 : size;
}

// Where in "://user:password@..." the password begins and ends, both 0 where there is none. It ends at the
// last '@', as it may hold others. `looked_at`: no other begins within so many bytes.
struct Password {
  std::size_t begin = 0, end = 0, looked_at = 0;
};
Password password_in(std::string_view text) {
  constexpr std::string_view mark = "://";
  if (!starts_with(text, mark) || starts_with(text, ":///")) return {};
  const std::string_view url = text.substr(0, text.find_first_of(" \t\r\n\"'", mark.size()));
  const std::size_t at = url.rfind('@');
  const std::size_t colon = url.find(':', mark.size());
  if (at == std::string_view::npos || colon == std::string_view::npos || colon > at)
    return {0, 0, url.size()};
  return {colon + 1, at, url.size()};
}

}  // namespace

std::string without_secrets(std::string_view text) {
  std::string out;
  std::size_t looked_at = 0;  // for passwords: no byte twice, as strangers choose the text
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    const bool begins_word = at == 0 || !is_word(text[at - 1]);
    const std::size_t secret = std::max(pem_bytes(rest), begins_word ? token_bytes(rest) : 0);
    const Password password = at < looked_at ? Password() : password_in(rest);
    looked_at = std::max(looked_at, at + password.looked_at);
    if (secret > 0) {
      out += secret_mask;
      at += secret;
    } else if (password.end > 0) {
      out.append(rest.substr(0, password.begin)).append(secret_mask);
      at += password.end;
    } else {
      out += text[at++];
    }
  }
  return out;
}

}  // namespace zws
