// Token: a compact JWS taken apart, with nothing about it believed yet.
//
// Thread: a value; `signed_text`, `header`, `payload` and `signature` borrow the text it was made of.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace zws {

constexpr std::size_t token_bytes_max = 16 * 1024;

struct Token {
  std::string_view header;       // base64url, as sent
  std::string_view payload;      // base64url, as sent
  std::string_view signature;    // base64url, as sent
  std::string_view signed_text;  // header '.' payload
  std::string algorithm;         // what the header claims; the key decides whether it may
  std::optional<std::string> kid;
  std::string claims;           // the payload decoded: JSON, not yet parsed
  std::string signature_bytes;  // the signature decoded

  // Nothing when `text` is no token, and then `reason` says why.
  static std::optional<Token> parse(std::string_view text, std::string& reason);
};

}  // namespace zws
