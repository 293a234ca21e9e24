// What a listener that comes back asks for: nothing twice, and nothing that it has not had.
#include "positions.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace zws::tool {
namespace {

nlohmann::json answer(const std::string& topic, const std::vector<std::string>& at,
                      int replayed = 0) {
  return {{"topic", topic}, {"at", at}, {"replayed", replayed}};
}

TEST(PositionsTest, EventsAndGapsMoveWhatTheAnswerSaid) {
  Positions positions({"a"});
  EXPECT_EQ(positions.since("a"), "");
  positions.subscribed(answer("a", {"x:7", "y:1"}));
  EXPECT_EQ(positions.since("a"), R"(["x:7","y:1"])");
  positions.event("a", "x:8");
  EXPECT_EQ(positions.since("a"), R"(["x:8","y:1"])");
  positions.gap({{"topic", "a"}, {"src", "x"}, {"from", 9}, {"to", 12}});
  EXPECT_EQ(positions.since("a"), R"(["x:12","y:1"])");
  positions.event("a", "x:1");
  EXPECT_EQ(positions.since("a"), R"(["x:1","y:1"])") << "the source has been restarted";
}

TEST(PositionsTest, WhereLiveEventsBeginCountsOnlyAfterTheReplay) {
  Positions positions({"a"});
  positions.event("a", "x:1");
  positions.subscribed(answer("a", {"x:4"}, 3));
  EXPECT_EQ(positions.since("a"), R"(["x:1"])");
  positions.event("a", "x:2");
  EXPECT_EQ(positions.since("a"), R"(["x:2"])");
  positions.gap({{"topic", "a"}, {"src", "x"}, {"from", 3}, {"to", 9}});
  EXPECT_EQ(positions.since("a"), R"(["x:9"])") << "a gap that goes on among live events";
}

TEST(PositionsTest, WhatCouldNotBeRecoveredIsForgotten) {
  Positions positions({"a"});
  positions.event("a", "old:5");
  auto lost = answer("a", {"new:0"});
  lost["recovered"] = false;
  positions.subscribed(lost);
  EXPECT_EQ(positions.since("a"), R"(["new:0"])");
}

TEST(PositionsTest, APatternAsksForTheTopicsThatItBrought) {
  Positions positions({"p:*", "a"});
  EXPECT_EQ(positions.since("p:*"), "{}");
  positions.event("p:1", "x:1");
  positions.event("p:2", "y:2");
  positions.event("a", "z:3");
  EXPECT_EQ(positions.since("p:*"), R"({"p:1":["x:1"],"p:2":["y:2"]})");
}

TEST(PositionsTest, WhatIsKeptIsBoundedAndNamedTopicsStay) {
  Positions positions({"*", "a"});
  positions.event("a", "x:1");
  for (int i = 0; i < 2000; ++i) positions.event("t:" + std::to_string(i), "x:1");
  EXPECT_EQ(positions.since("a"), R"(["x:1"])");
  EXPECT_LE(nlohmann::json::parse(positions.since("*")).size(), 300u);
  EXPECT_LT(positions.since("*").size(), 50'000u);
}

}  // namespace
}  // namespace zws::tool
