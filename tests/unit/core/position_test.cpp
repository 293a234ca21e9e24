// SRC:SEQ, and what is none.
#include "core/position.hpp"

#include <gtest/gtest.h>

namespace zws {
namespace {

TEST(PositionTest, SourceAndNumberAreTakenApart) {
  const auto position = Position::parse("imp_1-A:42");
  ASSERT_TRUE(position);
  EXPECT_EQ(position->source, "imp_1-A");
  EXPECT_EQ(position->seq, 42u);
  EXPECT_EQ(position->text(), "imp_1-A:42");
}

TEST(PositionTest, ZeroIsBeforeTheFirstEvent) { EXPECT_EQ(Position::parse("s:0")->seq, 0u); }

TEST(PositionTest, LargestNumberIsThatOfASignedInteger) {
  EXPECT_EQ(Position::parse("s:9223372036854775807")->seq, 9'223'372'036'854'775'807u);
  EXPECT_FALSE(Position::parse("s:9223372036854775808"));
  EXPECT_FALSE(Position::parse("s:99999999999999999999999"));
}

TEST(PositionTest, AnythingElseIsNoPosition) {
  for (const std::string_view bad :
       {"", ":", "s", "s:", ":1", "s:-1", "s:-0", "s:+1", "s:01", "s:00", "s: 1", "s:1 ", "s:1.0",
        "s:1e3", "s:0x1", "s:1:2", "a b:1", "a.b:1", "\xC3\xA9:1"}) {
    EXPECT_FALSE(Position::parse(bad)) << bad;
  }
  EXPECT_FALSE(Position::parse(std::string_view("s\0:1", 4)));
}

TEST(PositionTest, SourceHasUpTo64Characters) {
  EXPECT_TRUE(is_source(std::string(64, 'x')));
  EXPECT_FALSE(is_source(std::string(65, 'x')));
  EXPECT_FALSE(is_source(""));
  EXPECT_TRUE(is_source("AZaz09_-"));
}

TEST(PositionTest, EqualWhenSourceAndNumberAre) {
  EXPECT_EQ((Position{"a", 1}), (Position{"a", 1}));
  EXPECT_FALSE((Position{"a", 1}) == (Position{"a", 2}));
  EXPECT_FALSE((Position{"a", 1}) == (Position{"b", 1}));
}

}  // namespace
}  // namespace zws
