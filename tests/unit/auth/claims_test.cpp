#include "auth/claims.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zws {
namespace {

using testing::ElementsAre;

constexpr std::int64_t now_s = 1'800'000'000;
const WallTime now{std::chrono::seconds(now_s)};

std::string at(std::int64_t offset_s) { return std::to_string(now_s + offset_s); }

// A good payload with more members behind it, or other ones in place of it.
std::string ada(const std::string& more = "") {
  return R"({"sub":"ada","exp":)" + at(3600) + (more.empty() ? "" : "," + more) + "}";
}

class ClaimsTest : public testing::Test {
 protected:
  Verdict judge(const std::string& json) { return judge_claims(json, ClaimRules(config_), now); }
  TokenFault fault(const std::string& json) { return judge(json).fault; }
  bool good(const std::string& json) { return fault(json) == TokenFault::none; }
  bool invalid(const std::string& json) { return fault(json) == TokenFault::invalid; }

  AuthConfig config_;
};

TEST_F(ClaimsTest, SubIsTheUser) {
  const auto verdict = judge(ada());
  ASSERT_EQ(verdict.fault, TokenFault::none) << verdict.reason;
  EXPECT_EQ(verdict.identity->user, "ada");
  EXPECT_FALSE(verdict.identity->admin);
  EXPECT_FALSE(verdict.identity->topics);
}

TEST_F(ClaimsTest, TheTokenEndsThirtySecondsAfterExp) {
  const auto verdict = judge(ada());
  ASSERT_TRUE(verdict.identity && verdict.identity->ends);
  EXPECT_EQ(*verdict.identity->ends, now + std::chrono::seconds(3630));
  EXPECT_EQ(verdict.identity->expires, rfc3339(now + std::chrono::seconds(3600)));
}

TEST_F(ClaimsTest, ExpIsOverAtItsLeewayAndNotBefore) {
  EXPECT_TRUE(good(R"({"sub":"ada","exp":)" + at(-29) + "}"));
  EXPECT_TRUE(good(R"({"sub":"ada","exp":)" + at(-30) + ".5}"));
  EXPECT_EQ(fault(R"({"sub":"ada","exp":)" + at(-30) + "}"), TokenFault::expired);
  EXPECT_EQ(fault(R"({"sub":"ada","exp":0})"), TokenFault::expired);
}

TEST_F(ClaimsTest, AnInvalidTokenIsNotCalledExpired) {
  EXPECT_TRUE(invalid(R"({"exp":0})"));
  EXPECT_TRUE(invalid(R"({"sub":"ada","exp":0,"topics":{}})"));
}

TEST_F(ClaimsTest, ExpIsRequiredUnlessTheConfigurationSaysOtherwise) {
  EXPECT_TRUE(invalid(R"({"sub":"ada"})"));
  config_.require_exp = false;
  const auto verdict = judge(R"({"sub":"ada"})");
  ASSERT_EQ(verdict.fault, TokenFault::none);
  EXPECT_FALSE(verdict.identity->ends);
  EXPECT_EQ(verdict.identity->expires, "");
  EXPECT_EQ(fault(R"({"sub":"ada","exp":1})"), TokenFault::expired);
}

TEST_F(ClaimsTest, NbfAndIatMayLieThirtySecondsAhead) {
  for (const std::string name : {"nbf", "iat"}) {
    EXPECT_TRUE(good(ada('"' + name + "\":" + at(-1000)))) << name;
    EXPECT_TRUE(good(ada('"' + name + "\":" + at(30)))) << name;
    EXPECT_TRUE(invalid(ada('"' + name + "\":" + at(31)))) << name;
    EXPECT_TRUE(invalid(ada('"' + name + "\":253402300799"))) << name;
  }
}

TEST_F(ClaimsTest, TimesAreNumbersInTheYears1970To9999) {
  const auto with_exp = [](const std::string& exp) { return R"({"sub":"ada","exp":)" + exp + "}"; };
  EXPECT_TRUE(good(with_exp("253402300799")));
  EXPECT_TRUE(good(with_exp("1.9e9")));
  EXPECT_TRUE(good(with_exp("1900000000.25")));
  for (const std::string bad : {"253402300800",
                                "253402300799.5",
                                "-1",
                                "-0.1",
                                "\"1900000000\"",
                                "null",
                                "true",
                                "[]",
                                "{}",
                                "1e999",
                                "-1e999",
                                "100000000000000000000000",
                                "1e23",
                                "9223372036854775807",
                                "9223372036854775808",
                                "NaN",
                                "Infinity",
                                "0x7fffffff",
                                "01900000000",
                                "+1900000000"}) {
    EXPECT_TRUE(invalid(with_exp(bad))) << bad;
    EXPECT_EQ(invalid(ada("\"nbf\":" + bad)), bad != "null") << bad;
    EXPECT_EQ(invalid(ada("\"iat\":" + bad)), bad != "null") << bad;
  }
}

TEST_F(ClaimsTest, AFarEndIsShownAsItIs) {
  const auto expires = [&](const char* exp) {
    return judge(R"({"sub":"ada","exp":)" + std::string(exp) + "}").identity->expires;
  };
  EXPECT_EQ(expires("9999999999"), "2286-11-20T17:46:39.000Z");
  EXPECT_EQ(expires("253402300799"), "9999-12-31T23:59:59.000Z");
  EXPECT_EQ(expires("1900000000.25"), "2030-03-17T17:46:40.250Z");
}

TEST_F(ClaimsTest, SubIsOneTo200BytesWithoutStarControlOrBidi) {
  const auto with_sub = [](const std::string& sub) {
    return R"({"sub":)" + sub + R"(,"exp":)" + at(60) + "}";
  };
  EXPECT_TRUE(good(with_sub('"' + std::string(200, 'a') + '"')));
  EXPECT_TRUE(good(with_sub(R"("ada@example.org/eu:1")")));
  EXPECT_TRUE(good(with_sub(R"("@all")")));
  EXPECT_TRUE(good(with_sub("\"温度\"")));
  for (const std::string& bad :
       {std::string(R"("")"), '"' + std::string(201, 'a') + '"', std::string(R"("a*")"),
        std::string(R"("a\nb")"), std::string(R"("a\u0000b")"), std::string(R"("a\u007f")"),
        std::string(R"("a\u0085")"), std::string(R"("a\u202eb")"), std::string(R"("\u2066a")"),
        std::string(R"("\u200fa")"), std::string(R"("\u061ca")"), std::string(R"("\ud800")"),
        std::string("\"\xff\""), std::string("17.0"), std::string("1e999"), std::string("true"),
        std::string("null"), std::string("[\"ada\"]")})
    EXPECT_TRUE(invalid(with_sub(bad))) << bad;
  EXPECT_TRUE(invalid(R"({"exp":)" + at(60) + "}"));
}

TEST_F(ClaimsTest, IssuerIsComparedWhenConfigured) {
  EXPECT_TRUE(good(ada(R"("iss":"elsewhere")")));
  config_.issuer = {"https://id.example"};
  EXPECT_TRUE(good(ada(R"("iss":"https://id.example")")));
  EXPECT_TRUE(invalid(ada()));
  EXPECT_TRUE(invalid(ada(R"("iss":"https://id.example/")")));
  EXPECT_TRUE(invalid(ada(R"("iss":["https://id.example"])")));
}

TEST_F(ClaimsTest, AudienceIsATextOrAListThatHoldsIt) {
  EXPECT_TRUE(good(ada(R"("aud":"elsewhere")")));
  config_.audience = {"live"};
  EXPECT_TRUE(good(ada(R"("aud":"live")")));
  EXPECT_TRUE(good(ada(R"("aud":["mail","live"])")));
  EXPECT_TRUE(invalid(ada()));
  EXPECT_TRUE(invalid(ada(R"("aud":"LIVE")")));
  EXPECT_TRUE(invalid(ada(R"("aud":[])")));
  EXPECT_TRUE(invalid(ada(R"("aud":["mail",["live"]])")));
  EXPECT_TRUE(invalid(ada(R"("aud":{"live":true})")));
}

TEST_F(ClaimsTest, ARoleThatIsSaidAgainIsOne) {
  const auto verdict = judge(ada(R"("role":"a b a","roles":["b","c","b"])"));
  EXPECT_THAT(verdict.identity->roles, ElementsAre("a", "b", "c"));
}

TEST_F(ClaimsTest, AdministratorsAreNamedByRoleOrRolesInEachShape) {
  const auto admin = [&](const std::string& more) { return judge(ada(more)).identity->admin; };
  for (const std::string yes :
       {R"("role":"admin")", R"("roles":["user","admin"])", R"("role":["admin"])",
        R"("roles":"admin")", R"("roles":"user admin")", R"("roles":[{"x":1},"admin"])"})
    EXPECT_TRUE(admin(yes)) << yes;
  for (const std::string no : {R"("role":"Admin")", R"("role":true)", R"("roles":{"admin":1})",
                               R"("role":"administrator")", R"("roles":[["admin"]])",
                               R"("role":null)", R"("roles":"")", R"("roles":"admin,user")"})
    EXPECT_FALSE(admin(no)) << no;
  config_.claims.admin = {};
  EXPECT_FALSE(admin(R"("role":"admin")"));
}

TEST_F(ClaimsTest, AnIntegerIsAUserByItsDecimalText) {
  const auto user = [&](const std::string& sub) {
    const auto verdict = judge(R"({"sub":)" + sub + R"(,"exp":)" + at(60) + "}");
    return verdict.identity ? verdict.identity->user : verdict.reason;
  };
  for (const std::string sub : {"17", "0", "-1", "9223372036854775807", "18446744073709551615",
                                "123456789012345678901234567890"})
    EXPECT_EQ(user(sub), sub);
}

TEST_F(ClaimsTest, WhatIsNullIsAbsent) {
  ASSERT_TRUE(
      good(ada(R"("nbf":null,"iat":null,"iss":null,"aud":null,"role":null,"topics":null)")));
  const auto unset = judge(ada(R"("topics":null)"));
  ASSERT_TRUE(unset.identity) << unset.reason;
  EXPECT_FALSE(unset.identity->topics);
  config_.issuer = {"me"};
  EXPECT_TRUE(invalid(ada(R"("iss":null)")));
}

TEST_F(ClaimsTest, ClaimsOfOthersNeverHarm) {
  for (const std::string more :
       {R"("x":18446744073709551616)", R"("x":-9223372036854775809)", R"("x":1e999)",
        R"("x":[-1e999,{"y":123456789012345678901234567890.5e400}])", R"("x":"a\u0000b")",
        R"("x\u0000":1)", R"("x":"\ud800")", R"("x":"\udc00\ud800")", R"("x":"\ud800\ud800\udc00")",
        R"("x":"\\ud800\"\u0000")", R"("\ud834":"\ud834\udd1e")", R"("x":1e-999)", R"("":{"":""})",
        R"("sub.x":1,"exp_":"never")"})
    EXPECT_TRUE(good(ada(more))) << more;
  for (const std::string bad : {R"("x":01)", R"("x":1e)", R"("x":-)", R"("x":1.)", R"("x":"\ud80")",
                                R"("x":00000000000000000000000000)"})
    EXPECT_TRUE(invalid(ada(bad))) << bad;
  const auto both = judge(ada(R"("role":["\ud800",1e999,99999999999999999999,"admin"])"));
  ASSERT_TRUE(both.identity);
  EXPECT_TRUE(both.identity->admin);
}

TEST_F(ClaimsTest, ClaimsAreFoundAtTheirPaths) {
  config_.claims.user = "user.id";
  config_.claims.roles = {"realm_access.roles", "https://example.org/roles", "a.b.c"};
  config_.claims.topics = "scope";
  config_.claims.admin = {"boss", "root"};
  const auto claims = [](const std::string& more) {
    return R"({"exp":)" + at(60) + "," + more + "}";
  };
  const auto nested = judge(claims(R"("user":{"id":7},"realm_access":{"roles":["x","boss"]})"));
  ASSERT_TRUE(nested.identity) << nested.reason;
  EXPECT_EQ(nested.identity->user, "7");
  EXPECT_TRUE(nested.identity->admin);
  EXPECT_THAT(nested.identity->roles, ElementsAre("x", "boss"));
  const auto dotted =
      judge(claims(R"("user.id":"ada","https://example.org/roles":"root","scope":"a:* b")"));
  ASSERT_TRUE(dotted.identity) << dotted.reason;
  EXPECT_TRUE(dotted.identity->admin);
  EXPECT_THAT(*dotted.identity->topics, ElementsAre(*Pattern::parse("a:*"), *Pattern::parse("b")));
  EXPECT_TRUE(good(claims(R"("user":{"id":"ada"},"realm_access":[1],"a":{"b":"c"})")));
  EXPECT_TRUE(invalid(claims(R"("sub":"ada")")));
  EXPECT_TRUE(judge(claims(R"("user":{"id":"a"},"a.b":{"c":"boss"})")).identity->admin);
}

TEST_F(ClaimsTest, IssuerAndAudienceMayBeOneOfSeveral) {
  config_.issuer = {"a", "b"};
  config_.audience = {"live", "staging"};
  EXPECT_TRUE(good(ada(R"("iss":"b","aud":"staging")")));
  EXPECT_TRUE(good(ada(R"("iss":"a","aud":["x","live"])")));
  EXPECT_TRUE(invalid(ada(R"("iss":"c","aud":"live")")));
  EXPECT_TRUE(invalid(ada(R"("iss":"a","aud":["x"])")));
  config_.audience = {"live", "*"};
  EXPECT_TRUE(good(ada(R"("iss":"a")")));
}

TEST_F(ClaimsTest, TopicsAreAListOfPatterns) {
  const auto verdict = judge(ada(R"("topics":["import:*","a.*.c"])"));
  ASSERT_TRUE(verdict.identity && verdict.identity->topics);
  EXPECT_THAT(*verdict.identity->topics,
              ElementsAre(*Pattern::parse("import:*"), *Pattern::parse("a.*.c")));
  EXPECT_TRUE(judge(ada(R"("topics":[])")).identity->topics->empty());
  EXPECT_THAT(*judge(ada(R"("topics":"import:*")")).identity->topics,
              ElementsAre(*Pattern::parse("import:*")));
  for (const std::string bad : {R"("topics":{})", R"("topics":["im*port"])", R"("topics":true)",
                                R"("topics":[""])", R"("topics":["a",7])"})
    EXPECT_TRUE(invalid(ada(bad))) << bad;
}

TEST_F(ClaimsTest, DuplicateMembersAreRefusedHoweverSpelled) {
  EXPECT_TRUE(invalid(ada(R"("sub":"root")")));
  EXPECT_TRUE(invalid(ada(R"("\u0073ub":"root")")));
}

TEST_F(ClaimsTest, ThirtyTwoLevelsAreAllowedAndNoMore) {
  const auto nested = [](std::size_t levels) {  // the object itself is the first level
    return ada("\"x\":" + std::string(levels - 1, '[') + std::string(levels - 1, ']'));
  };
  EXPECT_TRUE(good(nested(32)));
  EXPECT_TRUE(invalid(nested(33)));
  EXPECT_TRUE(invalid(std::string(100'000, '[')));
  EXPECT_TRUE(good(ada(R"("x":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"[[[[[[")")));
}

TEST_F(ClaimsTest, OnlyAnObjectWillDo) {
  for (const std::string bad : {"", "[]", "null", "\"ada\"", "1", "{", "{}x", "{\"sub\":\"ada\",}",
                                "\xef\xbb\xbf{}", "{'sub':'ada'}"})
    EXPECT_TRUE(invalid(bad)) << bad;
}

TEST_F(ClaimsTest, WhatIsReadIsThereOnce) {
  config_.claims.roles = {"realm_access.roles"};
  for (const std::string more :
       {R"("sub":"bob")", R"("s\u0075b":"bob")", R"("exp":1)", R"("aud":null,"aud":null)",
        R"("realm_access":1,"realm_access":{"roles":["admin"]})",
        R"("realm_access":{"roles":[],"roles":["admin"]})"})
    EXPECT_TRUE(invalid(ada(more))) << more;
}

TEST_F(ClaimsTest, OthersMayBeThereTwice) {
  config_.claims.roles = {"realm_access.roles"};
  for (const std::string more :
       {R"("x":1,"x":2)", R"("x":{"sub":1,"sub":2})", R"("x":[{"exp":1,"exp":2}])",
        R"("realm_access":{"roles":["a"],"x":1,"x":[{"roles":1,"roles":2}]})",
        R"("aud":[{"sub":1,"sub":1}])", R"("a\u0000":1,"a\u0001":2,"a\ud800":3)",
        R"("roles":1,"roles":2)", R"("realm_access.roles.x":1,"realm_access.roles.x":1)"})
    EXPECT_TRUE(good(ada(more))) << more << ": " << judge(ada(more)).reason;
  EXPECT_EQ(judge(ada(R"("x":[{}],"topics":["a"])")).identity->topics->size(), 1u);
}

// A slash at the end is what most issuers differ in, and nobody finds who sees neither.
TEST_F(ClaimsTest, ARefusalOfAnotherIssuerOrAudienceNamesBoth) {
  config_.issuer = {"https://id.example"};
  EXPECT_EQ(judge(ada(R"("iss":"https://id.example/")")).reason,
            "iss is 'https://id.example/', and auth.issuer is 'https://id.example'");
  EXPECT_EQ(judge(ada()).reason, "iss is missing, and auth.issuer is 'https://id.example'");
  EXPECT_EQ(judge(ada(R"("iss":7)")).reason,
            "iss is no text, and auth.issuer is 'https://id.example'");
  config_.issuer = {};
  config_.audience = {"a", "b", "c"};
  EXPECT_EQ(judge(ada(R"("aud":["x\n","y","z"])")).reason,
            "aud is 'x\\x0a', 'y', ..., and auth.audience is 'a', 'b', ...");
  EXPECT_LT(judge(ada(R"("aud":")" + std::string(5000, 'x') + '"')).reason.size(), 200u);
}

}  // namespace
}  // namespace zws
