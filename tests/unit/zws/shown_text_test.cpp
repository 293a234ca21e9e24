// What a person sees: indented JSON, tables, and text that cannot steer the terminal.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "json_pretty.hpp"
#include "json_table.hpp"
#include "output.hpp"

namespace zws::tool {
namespace {

TEST(PrettyJsonTest, MembersGetLinesAndKeepTheirText) {
  EXPECT_EQ(pretty_json(R"({"b":1.50,"a":[1,{"x":"y: {\"z\"}"}],"e":[],"o":{ },"n":null})", false),
            "{\n"
            "  \"b\": 1.50,\n"
            "  \"a\": [\n"
            "    1,\n"
            "    {\n"
            "      \"x\": \"y: {\\\"z\\\"}\"\n"
            "    }\n"
            "  ],\n"
            "  \"e\": [],\n"
            "  \"o\": {},\n"
            "  \"n\": null\n"
            "}");
  EXPECT_EQ(pretty_json("12", false), "12");
  EXPECT_EQ(pretty_json(R"(["a quote\", then  more"])", false),
            "[\n  \"a quote\\\", then  more\"\n]");
}

TEST(PrettyJsonTest, ColoursAddNothingButColours) {
  const std::string coloured = pretty_json(R"({"a":[1,"x"]})", true);
  EXPECT_THAT(coloured, testing::HasSubstr("\x1b["));
  std::string plain;
  for (std::size_t i = 0; i < coloured.size(); ++i)
    if (coloured[i] == '\x1b')
      i = coloured.find('m', i);
    else
      plain += coloured[i];
  EXPECT_EQ(plain, pretty_json(R"({"a":[1,"x"]})", false));
}

TEST(PrettyJsonTest, DeepAndBrokenTextIsBounded) {
  const std::string deep(20'000, '[');
  EXPECT_LT(pretty_json(deep, false).size(), deep.size() * 80);
  for (const char* text : {"\"", "\"\\", "{\"a\":", "]", "}}", ",,", "\\"}) pretty_json(text, true);
}

TEST(PrintableTest, WhatSteersATerminalIsMadeVisible) {
  EXPECT_EQ(printable("plain \"text\"\n\twith \\ in it"), "plain \"text\"\n\twith \\ in it");
  EXPECT_EQ(printable("温度 é"), "温度 é");
  EXPECT_EQ(printable("\x1b[2J\x07"), "\\x1b[2J\\x07");
  EXPECT_THAT(printable("\xc2\x9b"), testing::Not(testing::HasSubstr("\xc2\x9b")));
  EXPECT_THAT(printable("\xe2\x80\xae"), testing::Not(testing::HasSubstr("\xe2\x80\xae")));
  EXPECT_EQ(printable("\xff"), "\\xff");
}

TEST(PrintableTest, ALineHoldsNoOtherAndKeepsItsQuotes) {
  EXPECT_EQ(printable_line(R"(the right "stats")", 60), R"(the right "stats")");
  EXPECT_EQ(printable_line("a\nb\t\x1b[2J", 60), R"(a\x0ab\x09\x1b[2J)");
  EXPECT_EQ(printable_line(R"(\" \\)", 60), R"(\\" \\\\)");
  EXPECT_LT(printable_line(std::string(1000, 'x'), 60).size(), 70U);
}

TEST(PrintableTest, JsonStaysTheSameJson) {
  const std::string json =
      "{\"c1\":\"\xc2\x9b\",\"bidi\":\"\xe2\x80\xae\",\"del\":\"\x7f\",\"\\\"温\":\"\U0001F600\"}";
  const std::string shown = printable_json(json);
  EXPECT_EQ(
      shown,
      "{\"c1\":\"\\u009b\",\"bidi\":\"\\u202e\",\"del\":\"\\u007f\",\"\\\"温\":\"\U0001F600\"}");
  EXPECT_EQ(nlohmann::json::parse(shown), nlohmann::json::parse(json));
  EXPECT_EQ(printable_json("\"\U000e0041\""), "\"\\udb40\\udc41\"");
  EXPECT_EQ(printable_json("\xff\x1b\xe2"), "\\ufffd\\u001b\\ufffd");
}

TEST(JsonTableTest, ValuesAreAlignedAndListsBecomeColumns) {
  const auto stats = nlohmann::ordered_json::parse(
      R"({"connections":12,"totals":{"received":5,"uptime_s":1.5},
          "busiest":[{"topic":"a","rate":10},{"topic":"long","rate":1,"more":true}],"name":"x"})");
  EXPECT_EQ(json_table(stats, false),
            "connections  12\n"
            "name         x\n"
            "totals\n"
            "  received  5\n"
            "  uptime_s  1.5\n"
            "busiest\n"
            "  topic  rate  more\n"
            "  a      10    \n"
            "  long   1     true\n");
}

TEST(JsonTableTest, NumbersAreForPeople) {
  const auto stats = nlohmann::ordered_json::parse(
      R"({"a_bytes":1023,"b_bytes":1536,"c_bytes":11534336,"d":999,"e":1234567,"f":null})");
  EXPECT_EQ(json_table(stats, false),
            "a_bytes  1023 B\n"
            "b_bytes  1.5 KiB\n"
            "c_bytes  11.0 MiB\n"
            "d        999\n"
            "e        1,234,567\n"
            "f        -\n");
  EXPECT_EQ(json_columns(nlohmann::ordered_json::parse(R"([{"n":1000},{"n":1,"u":null}])")),
            "n      u\n1,000  \n1      -\n");
}

TEST(JsonTableTest, ACellHasWhatIsInAListOrAnObjectWithoutTheMarksOfJson) {
  const auto rights = nlohmann::ordered_json::parse(
      R"({"roles":["ops","dev"],"none":[],"asked":[{"topic":"x","by":{"pattern":"*","from":"k"}}]})");
  EXPECT_EQ(json_table(rights, false),
            "roles  ops, dev\n"
            "none   -\n"
            "asked\n"
            "  topic  by\n"
            "  x      pattern *, from k\n");
}

TEST(JsonTableTest, ColumnsAreAlignedByCharacters) {
  EXPECT_EQ(json_columns(
                nlohmann::ordered_json::parse(R"([{"t":"caf\u00e9","n":1},{"t":"abcdef","n":2}])")),
            "t       n\n"
            "caf\u00e9    1\n"
            "abcdef  2\n");
}

TEST(JsonTableTest, NamesFromOutsideCannotSteerTheTerminal) {
  const nlohmann::ordered_json stats{{"topics", {{"\x1b[2J", 1}}}};
  EXPECT_THAT(json_table(stats, false), testing::Not(testing::HasSubstr("\x1b")));
}

}  // namespace
}  // namespace zws::tool
