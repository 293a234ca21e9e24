#include "json_web_token.hpp"

#include <gtest/gtest.h>

namespace zws::tool {
namespace {

const std::string secret(32, 's');

TEST(JsonWebTokenTest, SignsWhatOtherProgramsSign) {
  TokenClaims claims;
  claims.user = "ada";
  claims.issued = 1'700'000'000;
  claims.expires = 1'700'003'600;
  // Made with PyJWT: jwt.encode({"exp":1700003600,"iat":1700000000,"sub":"ada"}, "s" * 32).
  EXPECT_EQ(make_token(claims, secret),
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3MDAwMDM2MDAsImlhdCI6MTcwMDAwMDA"
            "wMCwic3ViIjoiYWRhIn0.1b6404ojrQ8woGvmg_30QIq59704yz20DIPtbUssUPI");
}

TEST(JsonWebTokenTest, ClaimsAreThereOnlyWhereAskedFor) {
  const auto middle_size = [](const TokenClaims& claims) {
    const std::string token = make_token(claims, secret);
    return token.rfind('.') - token.find('.');
  };
  TokenClaims claims;
  claims.user = "ada";
  const std::size_t bare = middle_size(claims);
  claims.has_topics = true;  // an empty list: nothing may be listened to
  EXPECT_GT(middle_size(claims), bare);
  claims = {};
  claims.user = "ada";
  claims.roles = {"ops"};
  const std::size_t with_role = middle_size(claims);
  EXPECT_GT(with_role, bare);
  claims.more = {{"tenant", "7"}};
  EXPECT_GT(middle_size(claims), with_role);
}

}  // namespace
}  // namespace zws::tool
