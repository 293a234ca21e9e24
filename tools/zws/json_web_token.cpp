#include "json_web_token.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <nlohmann/json.hpp>

namespace zws::tool {
namespace {

std::string base64url(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  text.erase(text.find_last_not_of('=') + 1);
  return text;
}

}  // namespace

std::string make_token(const TokenClaims& claims, std::string_view secret) {
  nlohmann::json body{{"sub", claims.user}, {"iat", claims.issued}, {"exp", claims.expires}};
  if (claims.admin) body["role"] = "admin";
  if (claims.has_topics) body["topics"] = claims.topics;
  if (!claims.roles.empty()) body["roles"] = claims.roles;
  if (!claims.issuer.empty()) body["iss"] = claims.issuer;
  if (!claims.audience.empty()) body["aud"] = claims.audience;
  for (const auto& [name, json] : claims.more) body[name] = nlohmann::json::parse(json);
  const std::string text =
      base64url(R"({"alg":"HS256","typ":"JWT"})") + '.' + base64url(body.dump());
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &size);
  return text + '.' + base64url({reinterpret_cast<const char*>(mac), size});
}

}  // namespace zws::tool
