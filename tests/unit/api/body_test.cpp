// The JSON body of a call: what is refused, and members byte for byte.
#include "api/body.hpp"

#include <gtest/gtest.h>

#include "api/request.hpp"

namespace zws {
namespace {

// "" if `read` is content with the body, else the code of the refusal.
template <typename Read>
std::string refusal(std::string_view text, Read read) {
  try {
    read(Body(text));
  } catch (const ApiRefusal& refused) {
    EXPECT_EQ(refused.status, 400);
    return std::string(refused.code);
  }
  return "";
}

std::string refusal(std::string_view text) {
  return refusal(text, [](const Body&) {});
}

std::string nested(std::size_t depth) {
  return R"({"a":)" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + '}';
}

TEST(BodyTest, OnlyAJsonObjectIsTaken) {
  EXPECT_EQ(refusal("{}"), "");
  for (const char* text :
       {"", " ", "x", "{", R"({"a":1)", R"({"a":1}x)", R"({a:1})", "{\"a\":\"\xff\"}"})
    EXPECT_EQ(refusal(text), "invalid_json") << text;
  for (const char* text : {"[]", "7", "null", "\"{}\""})
    EXPECT_EQ(refusal(text), "invalid_message") << text;
}

TEST(BodyTest, NestingIsBoundedBeforeAnythingIsParsed) {
  EXPECT_EQ(refusal(nested(32)), "");
  EXPECT_EQ(refusal(nested(33)), "invalid_json");
  EXPECT_EQ(refusal(std::string(1'000'000, '[')), "invalid_json");
}

TEST(BodyTest, AMemberThatNobodyKnowsIsNamedWithWhatIsAllowed) {
  const auto message = [](std::string_view text) {
    try {
      const Body body(text, {"title", "content", "target_users"});
    } catch (const ApiRefusal& refused) {
      EXPECT_EQ(refused.status, 400);
      EXPECT_EQ(refused.code, "invalid_message");
      return refused.message;
    }
    return std::string();
  };
  EXPECT_EQ(message(R"({})"), "");
  EXPECT_EQ(message(R"({"title":1,"content":null,"target_users":[]})"), "");
  EXPECT_EQ(message(R"({"title":1,"target_user":null})"),
            "there is no member \"target_user\", did you mean \"target_users\"? "
            "Allowed are title, content, target_users");
  EXPECT_EQ(message(R"({"zoo":1,"colour\n":2})"),
            "there is no member \"colour\\x0a\", allowed are title, content, target_users");
  EXPECT_LT(message('{' + ('"' + std::string(100'000, 'x') + "\":1}")).size(), 200u);
}

TEST(BodyTest, MembersHaveTheirTypes) {
  const Body body(R"({"s":"x","n":7,"l":["a","b"],"m":["a",1],"o":{},"z":null})");
  EXPECT_EQ(body.string("s"), "x");
  EXPECT_EQ(body.optional_string("none"), std::nullopt);
  EXPECT_EQ(body.optional_string("z"), std::nullopt);
  EXPECT_EQ(body.optional_strings("l", 2), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(body.optional_strings("z", 2), std::nullopt);
  EXPECT_TRUE(body.is_object("o"));
  EXPECT_FALSE(body.is_object("l") || body.is_object("none"));
  EXPECT_THROW(body.string("n"), ApiRefusal);
  EXPECT_THROW(body.string("none"), ApiRefusal);
  EXPECT_THROW(body.optional_string("n"), ApiRefusal);
  EXPECT_THROW(body.optional_strings("s", 2), ApiRefusal);
  EXPECT_THROW(body.optional_strings("m", 2), ApiRefusal);
}

TEST(BodyTest, OfAListThatIsTooLongNoMoreIsReadThanSaysSo) {
  const Body body(R"({"l":["a","b","c",4]})");
  EXPECT_EQ(body.optional_strings("l", 1), (std::vector<std::string>{"a", "b"}));
  EXPECT_THROW(body.optional_strings("l", 3), ApiRefusal);
}

TEST(BodyTest, AMembersJsonIsGivenByteForByte) {
  const auto raw = [](std::string_view text) { return Body(text).raw("m"); };
  EXPECT_EQ(raw(R"({"m": {"b":1, "a":[1 ,2]} })"), R"({"b":1, "a":[1 ,2]})");
  EXPECT_EQ(raw(R"({"m":[ ]})"), "[ ]");
  EXPECT_EQ(raw(R"({"m":"\u00e9\n"})"), R"("\u00e9\n")");
  EXPECT_EQ(raw(R"({"m":12345678901234567890123.50 })"), "12345678901234567890123.50");
  EXPECT_EQ(raw(R"({"m":null})"), "null");
  EXPECT_EQ(raw("{\"m\":true\n}"), "true");
  EXPECT_EQ(raw(R"({"\u006d":1})"), "1");
  EXPECT_THROW(raw(R"({"n":1})"), ApiRefusal);
}

TEST(BodyTest, WhatAProducerMaySendIsJsonHereToo) {
  for (const char* json :
       {"1e400", "-123456789012345678901234567890", R"("\ud800")", R"({"a":1e999})"})
    EXPECT_EQ(Body(std::string(R"({"m":)") + json + "}").raw("m"), json);
  EXPECT_EQ(refusal(R"({"m":1e})"), "invalid_json");
}

TEST(BodyTest, AByteOrderMarkIsIgnored) {
  EXPECT_EQ(Body("\xEF\xBB\xBF{\"m\":1}").raw("m"), "1");
  EXPECT_EQ(refusal("\xEF\xBB\xBF\xEF\xBB\xBF{}"), "invalid_json");
}

TEST(BodyTest, OfAMemberNamedTwiceEveryReaderTakesTheLast) {
  const Body body(R"({"m":"first","m":"last"})");
  EXPECT_EQ(body.string("m"), "last");
  EXPECT_EQ(body.raw("m"), R"("last")");
}

}  // namespace
}  // namespace zws
