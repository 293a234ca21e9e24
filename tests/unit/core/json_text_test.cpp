// JSON written by hand reads back as what was meant.
#include "core/json_text.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace zws {
namespace {

TEST(JsonTextTest, StringIsQuoted) {
  EXPECT_EQ(json_string("plain"), "\"plain\"");
  EXPECT_EQ(json_string(""), "\"\"");
}

TEST(JsonTextTest, OnlyWhatJsonDemandsIsEscaped) {
  EXPECT_EQ(json_string("\"\\\n\r\t\b\f/"), R"("\"\\\n\r\t\b\f/")");
  EXPECT_EQ(json_string("\x01\x1F"), R"("\u0001\u001f")");
  EXPECT_EQ(json_string("\x7F 温度 \u2028"), "\"\x7F 温度 \u2028\"");
}

TEST(JsonTextTest, EveryCharacterReadsBack) {
  for (int c = 0; c < 128; ++c) {
    const std::string text(3, static_cast<char>(c));
    EXPECT_EQ(nlohmann::json::parse(json_string(text)), text) << c;
  }
}

TEST(JsonTextTest, StringIsAppendedToWhatIsThere) {
  std::string out = "[";
  append_json_string(out, "a");
  out += ',';
  append_json_string(out, "b\n");
  EXPECT_EQ(out + "]", R"(["a","b\n"])");
}

TEST(JsonTextTest, ObjectHasItsMembersInTheOrderOfTheCalls) {
  EXPECT_EQ(JsonObject().done(), "{}");
  EXPECT_EQ(JsonObject()
                .text("type", "a\"b")
                .number("n", 18'446'744'073'709'551'615u)
                .boolean("yes", true)
                .boolean("no", false)
                .json("list", "[1,2]")
                .json("absent", "")
                .done(),
            R"({"type":"a\"b","n":18446744073709551615,"yes":true,"no":false,"list":[1,2]})");
}

TEST(JsonTextTest, NestingIsCountedWithoutParsing) {
  EXPECT_EQ(json_nesting("1"), 0u);
  EXPECT_EQ(json_nesting("{}"), 1u);
  EXPECT_EQ(json_nesting(R"({"a":[[1],{}],"b":[]})"), 3u);
  EXPECT_EQ(json_nesting(std::string(100'000, '[')), 100'000u);
}

TEST(JsonTextTest, BracketsInStringsDoNotNest) {
  EXPECT_EQ(json_nesting(R"(["[[[{{{"])"), 1u);
  EXPECT_EQ(json_nesting(R"(["\"[[",[1]])"), 2u);
  EXPECT_EQ(json_nesting(R"(["\\",[1]])"), 2u);
}

}  // namespace
}  // namespace zws
