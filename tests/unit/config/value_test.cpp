// Times and values as text.
#include "config/value.hpp"

#include <gmock/gmock.h>

namespace zws::config {
namespace {

TEST(ValueTest, TimeIsANumberAndAUnit) {
  EXPECT_EQ(parse_duration("10s"), Duration{10'000});
  EXPECT_EQ(parse_duration("500ms"), Duration{500});
  EXPECT_EQ(parse_duration("5m"), Duration{300'000});
  EXPECT_EQ(parse_duration("1h"), Duration{3'600'000});
  EXPECT_EQ(parse_duration("0s"), Duration{0});
}

// The last of them is a second more than 64 bits hold, in milliseconds.
TEST(ValueTest, AnythingElseIsNoTime) {
  for (const std::string_view bad :
       {"", "s", "10", "1 s", " 1s", "1s ", "-1s", "-0s", "+1s", "1.5s", "1m30s", "1S", "1d", "1us",
        "0x1s", "99999999999999999999s", "9223372036854775807h", "5124095576031h"}) {
    EXPECT_FALSE(parse_duration(bad)) << bad;
  }
}

TEST(ValueTest, TimeIsWrittenInTheLargestUnitThatFits) {
  EXPECT_EQ(duration_text(Duration{0}), "0s");
  EXPECT_EQ(duration_text(Duration{1500}), "1500ms");
  EXPECT_EQ(duration_text(Duration{90'000}), "90s");
  EXPECT_EQ(duration_text(Duration{60'000}), "60s");
  EXPECT_EQ(duration_text(Duration{300'000}), "5m");
  EXPECT_EQ(duration_text(Duration{7'200'000}), "2h");
}

TEST(ValueTest, TomlTextEscapesWhatTomlDemands) {
  EXPECT_EQ(toml_text(std::string("a\"\\\n\x7F\u00e9")), "\"a\\\"\\\\\\u000A\\u007F\u00e9\"");
  EXPECT_EQ(toml_text(std::vector<std::string>{"a", "b"}), "[\"a\", \"b\"]");
  EXPECT_EQ(toml_text(std::vector<std::string>{}), "[]");
  EXPECT_EQ(toml_text(true), "true");
  EXPECT_EQ(toml_text(std::int64_t{42}), "42");
}

TEST(ValueTest, ShownTextIsShortAndOneLine) {
  EXPECT_LT(shown(std::string(10'000, 'x')).size(), 200u);
  EXPECT_LT(shown(std::vector<std::string>(10'000, "element")).size(), 300u);
  EXPECT_EQ(shown(std::string("a\nb")), "\"a\\x0ab\"");
  EXPECT_EQ(shown(Foreign{"1.5"}), "1.5");
}

}  // namespace
}  // namespace zws::config
