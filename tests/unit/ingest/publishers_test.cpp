// Whom the bridge asks, for what and how often; and whose answers count.
#include "ingest/publishers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/ingest/repair_stage.hpp"

namespace zws {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

class PublishersTest : public testing::Test, public RepairStage {};

TEST_F(PublishersTest, WhoDidNotAnswerIsNotWaitedForUntilItSpeaksAgain) {
  knows("p", "s", "t");
  live("t", "s", 4);
  pass(milliseconds(200));
  live("t", "s", 6);
  EXPECT_THAT(taken(), ElementsAre("t s:4", "t s:6"));
  pass(milliseconds(1'000));
  EXPECT_THAT(greeted(), ElementsAre("p", "p")) << "it is asked what it has, once";
  keeps("p", "s", "t", 1, 6);
  live("t", "s", 8);
  EXPECT_THAT(taken(), IsEmpty());
  EXPECT_THAT(asked(), ElementsAre("p s t 2-3", "p s t 7-7"));
}

TEST_F(PublishersTest, AConnectionThatIsGoneIsWaitedForAndTheNextIsAsked) {
  knows("p", "s", "t");
  gone.insert("p");
  live("t", "s", 3);
  EXPECT_THAT(taken(), IsEmpty());
  keeps("q", "s", "t", 1, 3);
  EXPECT_THAT(asked(), ElementsAre("q s t 2-2"));
  answer("q", "t", "s", 2);
  EXPECT_THAT(taken(), ElementsAre("t s:2", "t s:3"));
}

TEST_F(PublishersTest, ASourceWithoutTopicsGoesOverToTheNextConnection) {
  repair.publishers().note_kept("p", "s", {});
  gone.insert("p");
  knows("q", "s", "t");
  live("t", "s", 3);
  EXPECT_THAT(asked(), ElementsAre("q s t 2-2"));
  answer("q", "t", "s", 2);
  EXPECT_THAT(taken(), ElementsAre("t s:2", "t s:3"));
}

TEST_F(PublishersTest, TheEndOfABurstIsAskedForThoughTheConnectionEndsMeanwhile) {
  knows("p", "s", "t");
  keeps("p", "s", "t", 1, 3);
  repair.publishers().note_all_gone();
  pass(milliseconds(100));
  keeps("q", "s", "t", 1, 3);
  pass(milliseconds(100));
  EXPECT_THAT(asked(), ElementsAre("q s t 2-3"));
}

TEST_F(PublishersTest, ASourceBelongsToWhoSpokeOfItFirst) {
  knows("p", "s", "t");
  keeps("liar", "s", "t", 1, 99);
  pass(milliseconds(100));
  EXPECT_THAT(asked(), IsEmpty());
  EXPECT_EQ(failed(RepairFailure::unasked), 1);
  live("t", "s", 3);
  answer("liar", "t", "s", 2);
  EXPECT_THAT(taken(), IsEmpty());
  EXPECT_EQ(failed(RepairFailure::unasked), 2);
  pass(milliseconds(200));
  EXPECT_THAT(taken(), ElementsAre("t s:3"));
  EXPECT_THAT(greeted(), ElementsAre("p", "liar", "liar")) << "the next in line is heard now";
  keeps("liar", "s", "t", 1, 3);
  live("t", "s", 5);
  EXPECT_THAT(asked(), ElementsAre("p s t 2-2", "liar s t 4-4"));
}

TEST_F(PublishersTest, AnswersThatWereNotAskedForAreDropped) {
  knows("p", "s", "t");
  live("t", "s", 4);
  answer("p", "t", "s", 4);
  answer("p", "t", "s", 9);
  answer("p", "u", "s", 2);
  answer("p", "t", "other", 2);
  end("p", "s", "t", 2, 9);
  EXPECT_THAT(taken(), IsEmpty());
  EXPECT_EQ(failed(RepairFailure::unasked), 5);
}

TEST_F(PublishersTest, WantsArePacedAndBounded) {
  RepairRules rules;
  rules.held.first_events = 100'000;
  repair.set_rules(rules);
  keeps("p", "s", "t", 1, 100'000);
  EXPECT_EQ(asked().size(), 12) << "a quarter is for topics on which events wait";
  EXPECT_EQ(asked().front(), "p s t 84001-85000");
  keeps("p", "s", "u", 1, 0);
  live("u", "s", 1);
  live("u", "s", 3);
  EXPECT_EQ(asked().back(), "p s u 2-2");
  end("p", "s", "t", 84'001, 85'000);
  EXPECT_EQ(asked().size(), 13) << "the twelfth of the others is answered first";
  end("p", "s", "u", 2, 2);
  EXPECT_EQ(asked().back(), "p s t 96001-97000");
}

TEST_F(PublishersTest, AHoleOfAbsurdSizeIsAskedForInPart) {
  knows("p", "s", "t");
  live("t", "s", std::uint64_t{1} << 60U);
  EXPECT_LE(asked().size(), 16);
  pass(milliseconds(200));
  EXPECT_EQ(taken().size(), 1);
}

TEST_F(PublishersTest, StrangersThrowOutNoPublisherThatIsOfUse) {
  knows("p", "s", "t");
  for (int i = 0; i < 3000; ++i) {
    repair.publishers().greet("stranger " + std::to_string(i));
    keeps("stranger " + std::to_string(i), "of its own " + std::to_string(i), "x", 1, 0);
    pass(milliseconds(1));
  }
  live("t", "s", 3);
  EXPECT_THAT(asked(), ElementsAre("p s t 2-2"));
  answer("p", "t", "s", 2);
  EXPECT_THAT(taken(), ElementsAre("t s:2", "t s:3"));
}

TEST_F(PublishersTest, WhereAllAreOfUseNobodyMakesRoomButWhoIsGone) {
  for (int i = 0; i < 1000; ++i)
    knows("p" + std::to_string(i), "s" + std::to_string(i), "t" + std::to_string(i));
  repair.publishers().greet("newcomer");
  EXPECT_EQ(greeted().back(), "p999");
  EXPECT_EQ(failed(RepairFailure::unasked), 1U);
  gone.insert("p500");
  pass(std::chrono::seconds(1));
  repair.publishers().greet("newcomer");
  EXPECT_EQ(greeted().back(), "newcomer");
}

TEST_F(PublishersTest, StrangersDoNotMakeItTryAllPublishersEachTime) {
  for (int i = 0; i < 2000; ++i) repair.publishers().greet("stranger " + std::to_string(i));
  EXPECT_LE(tried, 1000U);
}

}  // namespace
}  // namespace zws
