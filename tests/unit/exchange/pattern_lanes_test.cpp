// Which lanes listen to a topic by a pattern.
#include "exchange/pattern_lanes.hpp"

#include <gtest/gtest.h>

namespace zws {
namespace {

Pattern pattern(const char* text) { return Pattern::parse(text).value(); }

TEST(PatternLanesTest, ATopicIsListenedToByTheLanesOfAllPatternsThatMatchIt) {
  PatternLanes patterns;
  patterns.add(pattern("a:*"), 0);
  patterns.add(pattern("a:*"), 3);
  patterns.add(pattern("*:x"), 5);
  EXPECT_EQ(patterns.lanes("a:x"), lane_bit(0) | lane_bit(3) | lane_bit(5));
  EXPECT_EQ(patterns.lanes("a:y"), lane_bit(0) | lane_bit(3));
  EXPECT_EQ(patterns.lanes("b"), 0U);
}

TEST(PatternLanesTest, ALaneThatListensNoMoreIsTakenOutOfItsPatternAlone) {
  PatternLanes patterns;
  patterns.add(pattern("a:*"), 0);
  patterns.add(pattern("a:*"), 1);
  patterns.add(pattern("*"), 0);
  patterns.remove(pattern("a:*"), 0);
  EXPECT_EQ(patterns.lanes("a:x"), lane_bit(0) | lane_bit(1));
  patterns.remove(pattern("*"), 0);
  EXPECT_EQ(patterns.lanes("a:x"), lane_bit(1));
  patterns.remove(pattern("a:*"), 1);
  EXPECT_EQ(patterns.lanes("a:x"), 0U);
}

TEST(PatternLanesTest, LanesThatShareABitKeepItUntilTheLastHasLeft) {
  PatternLanes patterns;
  patterns.add(pattern("*"), 63);
  patterns.add(pattern("*"), 100);
  patterns.remove(pattern("*"), 63);
  EXPECT_EQ(patterns.lanes("t"), lane_bit(100));
  patterns.remove(pattern("*"), 100);
  EXPECT_EQ(patterns.lanes("t"), 0U);
}

TEST(PatternLanesTest, NoPatternMatchesTheBridgesOwnNames) {
  PatternLanes patterns;
  patterns.add(pattern("*"), 0);
  EXPECT_EQ(patterns.lanes("@all"), 0U);
}

TEST(PatternLanesTest, TheVersionRisesWithEachChange) {
  PatternLanes patterns;
  const std::uint64_t empty = patterns.version();
  EXPECT_GT(empty, 0U);
  patterns.add(pattern("a:*"), 0);
  const std::uint64_t added = patterns.version();
  EXPECT_GT(added, empty);
  patterns.remove(pattern("a:*"), 0);
  EXPECT_GT(patterns.version(), added);
}

}  // namespace
}  // namespace zws
