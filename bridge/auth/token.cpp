#include "auth/token.hpp"

#include <jansson.h>

#include <utility>

#include "auth/base64url.hpp"
#include "auth/json.hpp"

namespace zws {
namespace {

std::optional<std::string> string_of(const json_t* json) {
  if (!json_is_string(json)) return std::nullopt;
  return std::string(json_string_value(json), json_string_length(json));
}

// Splits `text` at its two dots; false if it has not exactly two.
bool split(std::string_view text, Token& token) noexcept {
  const std::size_t first = text.find('.');
  if (first == std::string_view::npos) return false;
  const std::size_t second = text.find('.', first + 1);
  if (second == std::string_view::npos) return false;
  token.header = text.substr(0, first);
  token.payload = text.substr(first + 1, second - first - 1);
  token.signature = text.substr(second + 1);
  token.signed_text = text.substr(0, second);
  return token.signature.find('.') == std::string_view::npos;
}

// Why the header is no good, or null.
const char* read_header(const std::string& text, Token& token) {
  const Json header = parse_json_object(text);
  if (!header) return "the header is not a JSON object in good form";
  auto algorithm = string_of(json_object_get(header.get(), "alg"));
  if (!algorithm) return "the header has no alg";
  token.algorithm = std::move(*algorithm);
  // Extensions marked critical must be understood, and we understand none.
  if (json_object_get(header.get(), "crit")) return "the header has crit";
  if (const json_t* kid = json_object_get(header.get(), "kid")) {
    token.kid = string_of(kid);
    if (!token.kid) return "kid is not a string";
  }
  return nullptr;
}

}  // namespace

std::optional<Token> Token::parse(std::string_view text, std::string& reason) {
  const auto refuse = [&](const char* why) {
    reason = why;
    return std::nullopt;
  };
  if (text.size() > token_bytes_max) return refuse("the token is over 16 KiB");
  Token token;
  if (!split(text, token)) return refuse("the token has not three parts");
  const auto header = decode_base64url(token.header);
  auto claims = decode_base64url(token.payload);
  auto signature = decode_base64url(token.signature);
  if (!header || !claims || !signature) return refuse("a part is not base64url");
  if (signature->empty()) return refuse("the signature is empty");
  if (const char* why = read_header(*header, token)) return refuse(why);
  token.claims = std::move(*claims);
  token.signature_bytes = std::move(*signature);
  return token;
}

}  // namespace zws
