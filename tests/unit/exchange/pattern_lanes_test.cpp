// Which lanes listen to a topic by a pattern.
#include "exchange/pattern_lanes.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace zws {
namespace {

Pattern pattern(const char* text) { return Pattern::parse(text).value(); }

class PatternLanesTest : public ::testing::Test {
 protected:
  // Of a topic that is asked for the first time.
  LaneSet lanes(std::string_view topic) const {
    return update(topic, PatternLanes::Answer{}).lanes;
  }
  PatternLanes::Answer update(std::string_view topic, PatternLanes::Answer answer) const {
    patterns.update(topic, answer);
    return answer;
  }

  PatternLanes patterns;
};

TEST_F(PatternLanesTest, ATopicIsListenedToByTheLanesOfAllPatternsThatMatchIt) {
  patterns.add(pattern("a:*"), 0);
  patterns.add(pattern("a:*"), 3);
  patterns.add(pattern("*:x"), 5);
  EXPECT_EQ(lanes("a:x"), lane_bit(0) | lane_bit(3) | lane_bit(5));
  EXPECT_EQ(lanes("a:y"), lane_bit(0) | lane_bit(3));
  EXPECT_EQ(lanes("b"), 0U);
}

TEST_F(PatternLanesTest, ALaneThatListensNoMoreIsTakenOutOfItsPatternAlone) {
  patterns.add(pattern("a:*"), 0);
  patterns.add(pattern("a:*"), 1);
  patterns.add(pattern("*"), 0);
  patterns.remove(pattern("a:*"), 0);
  EXPECT_EQ(lanes("a:x"), lane_bit(0) | lane_bit(1));
  patterns.remove(pattern("*"), 0);
  EXPECT_EQ(lanes("a:x"), lane_bit(1));
  patterns.remove(pattern("a:*"), 1);
  EXPECT_EQ(lanes("a:x"), 0U);
}

TEST_F(PatternLanesTest, LanesThatShareABitKeepItUntilTheLastHasLeft) {
  patterns.add(pattern("*"), 63);
  patterns.add(pattern("*"), 100);
  patterns.remove(pattern("*"), 63);
  EXPECT_EQ(lanes("t"), lane_bit(100));
  patterns.remove(pattern("*"), 100);
  EXPECT_EQ(lanes("t"), 0U);
}

TEST_F(PatternLanesTest, NoPatternMatchesTheBridgesOwnNames) {
  patterns.add(pattern("*"), 0);
  PatternLanes::Answer answer = update("@all", {});
  patterns.add(pattern("*"), 1);
  EXPECT_EQ(update("@all", answer).lanes, 0U);
}

TEST_F(PatternLanesTest, WhoAsksAgainIsToldOfEachPatternThatWasAddedMeanwhile) {
  PatternLanes::Answer answer = update("a:x", {});
  for (std::size_t lane = 0; lane < 62; ++lane) {  // more and more at a time
    patterns.add(pattern("a:*"), lane);
    for (std::size_t i = 0; i < lane; ++i)
      patterns.add(pattern(("b:" + std::to_string(lane * 100 + i) + "*").c_str()), lane);
    answer = update("a:x", answer);
    EXPECT_EQ(answer.lanes, (LaneSet{2} << lane) - 1);
  }
}

TEST_F(PatternLanesTest, WhatHasEndedIsSaidUntilItIsSwept) {
  patterns.add(pattern("a:*"), 0);
  patterns.add(pattern("*"), 1);
  PatternLanes::Answer answer = update("a:x", {});
  patterns.remove(pattern("a:*"), 0);
  answer = update("a:x", answer);
  EXPECT_EQ(answer.lanes, lane_bit(0) | lane_bit(1));
  patterns.sweep();
  EXPECT_EQ(update("a:x", answer).lanes, lane_bit(1));
}

TEST_F(PatternLanesTest, ATopicThatIsDearToMatchGoesToAllLanesWithPatterns) {
  std::string topic = "0";
  for (int i = 1; i < 12; ++i) topic += ':' + std::to_string(i);
  // Each of the first segments as it is or as a star: 2^7 ways to go on.
  for (int way = 0; way < 128; ++way) {
    std::string text;
    for (int i = 0; i < 7; ++i) text += (way >> i & 1 ? "*" : std::to_string(i)) + ':';
    patterns.add(pattern((text + "no*").c_str()), 2);
  }
  patterns.add(pattern("elsewhere:*"), 3);
  EXPECT_EQ(lanes(topic), lane_bit(2) | lane_bit(3));
  EXPECT_EQ(lanes("elsewhere:a"), lane_bit(3));
  patterns.remove(pattern("elsewhere:*"), 3);
  EXPECT_EQ(lanes(topic), lane_bit(2)) << "lane 3 has none any more";
}

}  // namespace
}  // namespace zws
