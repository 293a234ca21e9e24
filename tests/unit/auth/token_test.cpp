#include "auth/token.hpp"

#include <gtest/gtest.h>

#include "auth/base64url.hpp"
#include "unit/auth/forge.hpp"

namespace zws {
namespace {

using forge::base64url;

std::string with_header(std::string_view header) { return base64url(header) + ".e30.AAAA"; }

// Why `text` is no token; empty if it is one.
std::string refusal(std::string_view text) {
  std::string reason;
  return Token::parse(text, reason) ? "" : reason;
}

TEST(TokenTest, TheThreePartsAreTakenApart) {
  const std::string text = base64url(R"({"alg":"ES256","kid":"k1","typ":"JWT"})") + ".e30.AAECAw";
  std::string reason;
  const auto token = Token::parse(text, reason);
  ASSERT_TRUE(token) << reason;
  EXPECT_EQ(token->algorithm, "ES256");
  EXPECT_EQ(token->kid, "k1");
  EXPECT_EQ(token->claims, "{}");
  EXPECT_EQ(token->signature_bytes, std::string_view("\0\1\2\3", 4));
  EXPECT_EQ(token->signed_text, text.substr(0, text.rfind('.')));
}

TEST(TokenTest, ItHasThreeParts) {
  const std::string header = base64url(R"({"alg":"HS256"})");
  for (const std::string& bad : {std::string(), std::string("."), std::string(".."), header,
                                 header + ".e30", header + ".e30.AAAA.", header + ".e30.AAAA.AAAA",
                                 header + ".e30.", "." + header + ".e30.AAAA"})
    EXPECT_NE(refusal(bad), "") << bad;
}

TEST(TokenTest, EachPartHasOneSpellingOnly) {
  const std::string header = base64url(R"({"alg":"HS256"})");
  for (const std::string signature :
       {"AAAA=", "AA==", "AAA", "AB", "A", "AA+A", "AA/A", "AA A", "AA\nA", "AAA.", "AA\xc3\xa4"}) {
    const bool good = signature == "AAA";
    EXPECT_EQ(refusal(header + ".e30." + signature).empty(), good) << signature;
  }
  EXPECT_NE(refusal(header + "=.e30.AAAA"), "");
  EXPECT_NE(refusal(header + ".e30=.AAAA"), "");
  EXPECT_NE(refusal(header + ".e31.AAAA"), "") << "stray bits";
}

TEST(TokenTest, SixteenKibibytesAreReadAndNoMore) {
  const std::string start = base64url(R"({"alg":"HS256"})") + ".e30.";
  const auto of_size = [&](std::size_t size) {
    return start + std::string(size - start.size(), 'A');
  };
  EXPECT_EQ(refusal(of_size(token_bytes_max)).find("16 KiB"), std::string::npos);
  EXPECT_NE(refusal(of_size(token_bytes_max + 1)).find("16 KiB"), std::string::npos);
  EXPECT_NE(refusal(of_size(100'000)).find("16 KiB"), std::string::npos);
}

TEST(TokenTest, TheHeaderIsAnObjectWithATextAlg) {
  EXPECT_EQ(refusal(with_header(R"({"alg":"anything"})")), "");
  for (const char* bad : {"", "[]", "{}", "null", R"({"alg":1})", R"({"alg":null})",
                          R"({"alg":["HS256"]})", R"({"ALG":"HS256"})", R"({"alg":"HS256"} x)",
                          R"({"alg":"none","alg":"HS256"})", R"({"alg":"HS\u0000256"})"})
    EXPECT_NE(refusal(with_header(bad)), "") << bad;
}

TEST(TokenTest, CritIsRefusedWhateverItHolds) {
  for (const char* crit : {"[]", R"(["exp"])", R"(["b64"])", "null", "1"})
    EXPECT_NE(refusal(with_header(R"({"alg":"HS256","crit":)" + std::string(crit) + "}")), "");
}

TEST(TokenTest, KidIsATextOrAbsent) {
  EXPECT_EQ(refusal(with_header(R"({"alg":"HS256","kid":"../../dev/null"})")), "");
  for (const char* kid : {"1", "null", "{}", R"(["a"])"})
    EXPECT_NE(refusal(with_header(R"({"alg":"HS256","kid":)" + std::string(kid) + "}")), "");
}

TEST(TokenTest, ADeepHeaderIsRefusedBeforeItIsParsed) {
  const std::string deep = R"({"alg":"HS256","x":)" + std::string(6000, '[');
  EXPECT_NE(refusal(with_header(deep)), "");
  EXPECT_NE(refusal(with_header(deep + std::string(6000, ']') + "}")), "");
}

TEST(Base64urlTest, AllBytesComeBack) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes += static_cast<char>(i);
    EXPECT_EQ(decode_base64url(base64url(bytes)), bytes);
  }
  EXPECT_EQ(decode_base64url(""), "");
}

}  // namespace
}  // namespace zws
