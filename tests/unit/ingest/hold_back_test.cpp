// In which order events go on, and how long they wait for what is missing before them.
#include "ingest/hold_back.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/ingest/repair_stage.hpp"

namespace zws {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class HoldBackTest : public testing::Test, public RepairStage {};

TEST_F(HoldBackTest, EventsWithoutAHoleGoOnAtOnce) {
  live("t", "s", 1);
  live("t", "s", 2);
  live("u", "s", 1);
  headerless("t");
  EXPECT_THAT(taken(), ElementsAre("t s:1", "t s:2", "u s:1", "t :0"));
  EXPECT_EQ(repair.next_time(), SteadyTime::max());
}

TEST_F(HoldBackTest, SeveralHolesAreAskedForAndFilledInAnyOrder) {
  knows("p", "s", "t");
  live("t", "s", 3);
  live("t", "s", 5);
  live("t", "s", 8);
  EXPECT_THAT(asked(), ElementsAre("p s t 2-2", "p s t 4-4", "p s t 6-7"));
  answer("p", "t", "s", 7);
  answer("p", "t", "s", 4);
  EXPECT_THAT(taken(), IsEmpty());
  answer("p", "t", "s", 2);
  EXPECT_THAT(taken(), ElementsAre("t s:2", "t s:3", "t s:4", "t s:5"));
  answer("p", "t", "s", 6);
  EXPECT_THAT(taken(), ElementsAre("t s:6", "t s:7", "t s:8"));
}

TEST_F(HoldBackTest, AHoleThatFillsItselfIsNotDeliveredTwice) {
  knows("p", "s", "t");
  live("t", "s", 3);
  live("t", "s", 2);
  EXPECT_THAT(taken(), ElementsAre("t s:2", "t s:3"));
  answer("p", "t", "s", 2);
  end("p", "s", "t", 2, 2);
  EXPECT_THAT(taken(), IsEmpty());
  EXPECT_EQ(failed(RepairFailure::gone), 0);
}

TEST_F(HoldBackTest, AnEventThatComesLateAsWellIsNobodysBusiness) {
  knows("p", "s", "t");
  live("t", "s", 3);
  answer("p", "t", "s", 2);
  EXPECT_THAT(taken(), ElementsAre("t s:2", "t s:3"));
  live("t", "s", 2);
  EXPECT_THAT(taken(), IsEmpty()) << "not even as a duplicate";
}

TEST_F(HoldBackTest, AnAnswerRepairsNothingWhereItsEventIsHereAndWaits) {
  knows("p", "s", "t");
  live("t", "s", 5);
  live("t", "s", 3);
  answer("p", "t", "s", 3);
  EXPECT_EQ(metrics.repaired.value(), 0U);
  answer("p", "t", "s", 2);
  answer("p", "t", "s", 4);
  EXPECT_THAT(taken(), ElementsAre("t s:2", "t s:3", "t s:4", "t s:5"));
  EXPECT_EQ(metrics.repaired.value(), 2U);
}

TEST_F(HoldBackTest, AfterTheWaitItGoesOnWithWhatThereIs) {
  knows("p", "s", "t");
  live("t", "s", 4);
  pass(milliseconds(199));
  EXPECT_THAT(taken(), IsEmpty());
  pass(milliseconds(1));
  EXPECT_THAT(taken(), ElementsAre("t s:4"));
  EXPECT_EQ(failed(RepairFailure::unanswered), 2);
  answer("p", "t", "s", 2);
  EXPECT_THAT(taken(), IsEmpty()) << "it is too late, and the order stays";
  EXPECT_EQ(failed(RepairFailure::unasked), 1);
}

TEST_F(HoldBackTest, WhatAPublisherSaysDoesNotOvertakeItsFirstEvents) {
  keeps("p", "s", "t", 1, 300);
  pass(milliseconds(50));
  for (std::uint64_t seq = 1; seq <= 300; ++seq) live("t", "s", seq);
  EXPECT_EQ(taken().size(), 300);
  pass(milliseconds(50));
  EXPECT_THAT(asked(), IsEmpty());
  keeps("p", "s", "u", 1, 300);
  pass(milliseconds(100));
  EXPECT_THAT(asked(), ElementsAre("p s u 201-300"));
}

TEST_F(HoldBackTest, WhatHasWaitedForTheSameTimeGoesOnAsItCame) {
  std::vector<std::string> came;
  for (int i = 0; i < 20; ++i) live("t" + std::to_string(i), "s", 1);
  taken();
  for (int i = 0; i < 20; ++i) {
    live("t" + std::to_string(i), "s", 3);
    came.push_back("t" + std::to_string(i) + " s:3");
  }
  EXPECT_THAT(taken(), IsEmpty());
  pass(milliseconds(200));
  EXPECT_EQ(taken(), came);
}

TEST_F(HoldBackTest, ASourceThatGoesBackwardsBeforeItIsKnownIsHandedOnAsItCame) {
  live("t", "s", 5);
  live("t", "s", 4);
  live("t", "s", 1);
  live("t", "s", 5);
  live("t", "s", 6);
  EXPECT_THAT(taken(), ElementsAre("t s:5", "t s:4", "t s:1", "t s:5", "t s:6"));
}

TEST_F(HoldBackTest, ARestartIsNotHeldUp) {
  keeps("p", "s", "t", 1, 0);
  live("t", "s", 1, 100);
  live("t", "s", 2, 200);
  live("t", "s", 4, 400);
  live("t", "s", 1, 500);
  EXPECT_THAT(taken(), ElementsAre("t s:1", "t s:2", "t s:4", "t s:1"));
  live("t", "s", 2, 600);
  EXPECT_THAT(taken(), ElementsAre("t s:2")) << "the numbers of before count no more";
}

TEST_F(HoldBackTest, WhatComesTwiceAfterARestartIsToldThoughItsNumberWasRepairedBefore) {
  keeps("p", "s", "t", 1, 0);
  live("t", "s", 1, 100);
  live("t", "s", 3, 300);
  answer("p", "t", "s", 2);
  live("t", "s", 1, 500);
  live("t", "s", 2, 600);
  taken();
  live("t", "s", 2, 600);
  EXPECT_THAT(taken(), ElementsAre("t s:2")) << "the exchange counts it as a duplicate";
}

TEST_F(HoldBackTest, ARestartWhoseFirstEventWasLostIsTheExchangesToSee) {
  keeps("p", "s", "t", 1, 0);
  for (std::uint64_t seq = 1; seq <= 9; ++seq) live("t", "s", seq, 100 * seq);
  EXPECT_EQ(taken().size(), 9);
  for (std::uint64_t seq = 2; seq <= 4; ++seq) live("t", "s", seq, 1000 * seq);
  EXPECT_THAT(taken(), ElementsAre("t s:2", "t s:3", "t s:4"));
  live("t", "s", 5, 9000);
  EXPECT_THAT(taken(), ElementsAre("t s:5"));
}

TEST_F(HoldBackTest, WhatIsHeldIsBounded) {
  RepairRules rules;
  rules.held.bytes = 1'000;
  repair.set_rules(rules);
  knows("p", "s", "t");
  live("t", "s", 3);
  live("t", "s", 4);
  live("t", "s", 5);
  live("t", "s", 6);
  EXPECT_LE(repair.bytes_held(), 1'000);
  live("t", "s", 7);
  live("t", "s", 8);
  EXPECT_THAT(taken(), ElementsAre("t s:3", "t s:4", "t s:5", "t s:6", "t s:7", "t s:8"));
  EXPECT_EQ(failed(RepairFailure::no_room), 1);
  EXPECT_EQ(repair.bytes_held(), 0);
}

TEST_F(HoldBackTest, TheEndOfAConnectionIsToldBeforeWhatIsHeldOfIt) {
  knows("p", "s", "t");
  live("t", "s", 3);
  repair.sink().ended(7);
  EXPECT_THAT(taken(), ElementsAre("ended 7"));
  answer("p", "t", "s", 2);
  EXPECT_EQ(last_connection, Arrival::over) << "of a connection that is over already";
}

TEST_F(HoldBackTest, EventsOfAllAndOfUsersDoNotWait) {
  live("@user/ada", "s", 9);
  live("@all", "s", 9);
  EXPECT_THAT(taken(), ElementsAre("@user/ada s:9", "@all s:9"));
}

TEST_F(HoldBackTest, WithoutMemoryToHoldItAnEventGoesOnAsItCame) {
  RepairRules rules;
  rules.held.bytes = ~std::size_t{0};
  repair.set_rules(rules);
  knows("p", "s", "t");
  const std::string t = "t";
  const std::string u = "u";
  const std::string source = "s";
  const std::string other = "other";
  Arrival arrivals[] = {event(t, source, 3, 0), event(u, other, 1, 0), event(t, source, 2, 0)};
  arrivals[0].payload = {arrivals[0].payload.data(),
                         ~std::size_t{0} / 2};  // more than a string may have
  repair.sink().accept(arrivals, 3);
  EXPECT_THAT(taken(), UnorderedElementsAre("t s:3", "u other:1", "t s:2"));
}

}  // namespace
}  // namespace zws
