// Tokens: a JSON Web Token signed with HS256.
//
// Thread: any; pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zws::tool {

struct TokenClaims {
  std::string user;
  bool admin = false;
  bool has_topics = false;  // else the claim is absent, which is not the same as an empty list
  std::vector<std::string> topics;
  std::vector<std::string> roles;
  std::string issuer;
  std::string audience;
  std::int64_t issued = 0;  // Unix time in seconds
  std::int64_t expires = 0;
  // Others, each a name and its JSON; they replace those above of the same name.
  std::vector<std::pair<std::string, std::string>> more;
};

std::string make_token(const TokenClaims& claims, std::string_view secret);

}  // namespace zws::tool
