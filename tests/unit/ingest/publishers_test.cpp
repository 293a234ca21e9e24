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

TEST_F(PublishersTest, WhoAnswersTooLateIsAskedWhatItHasAndThenForAllThatWasGivenUp) {
  for (int i = 0; i < 20; ++i) {
    knows("p", "s", "t" + std::to_string(i));
    keeps("p", "s", "t" + std::to_string(i), 1, 2);
  }
  pass(milliseconds(100));
  EXPECT_EQ(asked().size(), 12);
  pass(milliseconds(1'000));
  answer("p", "t0", "s", 2);
  EXPECT_THAT(taken(), ElementsAre("t0 s:2"));
  EXPECT_THAT(greeted(), ElementsAre("p", "p"));
  keeps("p", "s", "t19", 1, 2);
  pass(milliseconds(100));
  EXPECT_EQ(asked().back(), "p s t19 2-2");
}

TEST_F(PublishersTest, WhoHasAnsweredInBetweenIsLeftAloneNoLongerThanTheFirstTime) {
  knows("p", "s", "t");
  live("t", "s", 3);
  pass(milliseconds(1'200));
  EXPECT_THAT(greeted(), testing::SizeIs(2)) << "after a second";
  answer("p", "t", "s", 2);
  EXPECT_THAT(greeted(), testing::SizeIs(3)) << "it is back";
  keeps("p", "s", "t", 1, 3);
  live("t", "s", 5);
  pass(milliseconds(1'200));
  EXPECT_THAT(greeted(), testing::SizeIs(4)) << "after a second again";
}

TEST_F(PublishersTest, TheSameAnswerAgainAndAgainIsNone) {
  knows("p", "s", "t");
  live("t", "s", 9);
  for (int i = 0; i < 30; ++i) {
    pass(milliseconds(100));
    answer("p", "t", "s", 5);
  }
  EXPECT_THAT(greeted(), ElementsAre("p", "p")) << "it was deaf meanwhile";
}

TEST_F(PublishersTest, FewPublishersDoNotTakeAllQuestions) {
  for (const std::string slow : {"a", "b", "c", "d"}) {
    knows(slow, slow, slow);
    live(slow, slow, 16'001);
  }
  EXPECT_EQ(asked().size(), 64);
  knows("p", "s", "t");
  live("t", "s", 3);
  live("t", "s", 5);
  EXPECT_EQ(asked().size(), 65);
  EXPECT_EQ(asked().back(), "p s t 2-2");
}

TEST_F(PublishersTest, AnAnswerThatComesForAMinuteGivesItsPlaceToOthers) {
  RepairRules rules;
  rules.held.first_events = 100'000;
  repair.set_rules(rules);
  for (const std::string slow : {"a", "b", "c", "d"}) keeps(slow, slow, slow, 1, 100'000);
  EXPECT_EQ(asked().size(), 48);
  keeps("p", "s", "t", 1, 2);
  for (std::uint64_t i = 0; i < 610; ++i) {
    pass(milliseconds(100));
    for (const std::string slow : {"a", "b", "c", "d"}) answer(slow, slow, slow, 84'001 + i);
  }
  EXPECT_THAT(asked(), testing::Contains("p s t 1-2"));
}

TEST_F(PublishersTest, WhatIsToBeAskedForDoesNotGrowWhereItIsNobodysTurn) {
  knows("p", "s", "t");
  live("t", "s", 1'001);
  for (std::uint64_t i = 1; i <= 500; ++i) {
    live("t", "s", 1'001 + 2 * i);
    answer("p", "t", "s", i + 1);
    pass(milliseconds(10));
  }
  EXPECT_EQ(asked().size(), 16);
  EXPECT_LE(repair.streams().find("t", "s")->to_ask->ranges.size(), 21U) << "200 ms of them";
}

TEST_F(PublishersTest, WhatItSaysThatItHasIsOneRangeHoweverOftenItSaysSo) {
  RepairRules rules;
  rules.held.first_events = 100'000;
  repair.set_rules(rules);
  keeps("p", "s", "t", 1, 100'000);
  knows("p", "s", "u");
  for (std::uint64_t i = 1; i <= 100; ++i) {
    keeps("p", "s", "u", 10 * i, 10 * i + 5);
    answer("p", "t", "s", 84'000 + i);
    pass(milliseconds(100));
  }
  EXPECT_EQ(asked().size(), 12);
  EXPECT_EQ(repair.streams().find("u", "s")->to_ask->ranges.size(), 1U);
}

TEST_F(PublishersTest, AnAnswerIsToTheQuestionThatIsOpenThoughOneWasGivenUp) {
  knows("p", "s", "t");
  keeps("p", "s", "t", 1, 2);
  pass(milliseconds(2'100));
  EXPECT_THAT(greeted(), ElementsAre("p", "p")) << "it was deaf meanwhile";
  keeps("p", "s", "t", 1, 2);
  pass(milliseconds(100));
  EXPECT_THAT(asked(), ElementsAre("p s t 2-2", "p s t 2-2"));
  answer("p", "t", "s", 2);
  end("p", "s", "t", 2, 2);
  pass(milliseconds(2'000));
  taken();
  live("t", "s", 4);
  EXPECT_THAT(taken(), IsEmpty()) << "it has answered, and is asked";
  EXPECT_EQ(asked().back(), "p s t 3-3");
}

TEST_F(PublishersTest, TheEndOfABurstThatWasGivenUpIsAskedForThoughEventsWaitedBeforeIt) {
  knows("p", "s", "t");
  live("t", "s", 3);
  keeps("p", "s", "t", 1, 9);
  pass(milliseconds(100));
  EXPECT_THAT(asked(), ElementsAre("p s t 2-2", "p s t 3-9"));
  pass(milliseconds(1'200));
  EXPECT_THAT(taken(), ElementsAre("t s:3"));
  keeps("p", "s", "t", 1, 9);
  pass(milliseconds(100));
  EXPECT_EQ(asked().back(), "p s t 4-9");
}

TEST_F(PublishersTest, WhoSpeaksAgainBeforeItIsGreetedIsAskedWhatElseItHas) {
  knows("p", "s", "t");
  keeps("p", "s", "t", 1, 2);
  pass(milliseconds(1'100));
  EXPECT_THAT(greeted(), ElementsAre("p"));
  clock.now += milliseconds(1'000);
  keeps("p", "s", "u", 1, 0);
  EXPECT_THAT(greeted(), ElementsAre("p", "p")) << "of t it will not speak by itself";
}

TEST_F(PublishersTest, AGreetingThatFoundNoRoomIsSentAgain) {
  knows("p", "s", "t");
  keeps("p", "s", "t", 1, 2);
  pass(milliseconds(100));
  full.insert("p");
  pass(milliseconds(2'100));
  EXPECT_THAT(greeted(), ElementsAre("p"));
  full.clear();
  pass(milliseconds(20));
  EXPECT_THAT(greeted(), ElementsAre("p", "p"));
}

TEST_F(PublishersTest, WhatWasToBeAskedForAtLeisureIsAskedForFirstOnceEventsWait) {
  for (int i = 0; i < 20; ++i) keeps("p", "s", "t" + std::to_string(i), 1, 5);
  EXPECT_EQ(asked().size(), 12);
  live("t17", "s", 6);
  EXPECT_EQ(asked().back(), "p s t17 1-5");
}

TEST_F(PublishersTest, FewPublishersDoNotTakeAllQuestionsForWhichNobodyWaits) {
  for (const std::string slow : {"a", "b", "c", "d"}) {
    knows(slow, slow, slow);
    keeps(slow, slow, slow, 1, 16'001);
  }
  pass(milliseconds(100));
  EXPECT_EQ(asked().size(), 48);
  keeps("p", "s", "t", 1, 2);
  EXPECT_EQ(asked().back(), "p s t 1-2");
}

TEST_F(PublishersTest, AnAnswerFromBeforeARestartIsNone) {
  keeps("p", "s", "t", 1, 0);
  live("t", "s", 1, 100);
  keeps("p", "s", "t", 1, 60);
  pass(milliseconds(100));
  EXPECT_THAT(asked(), ElementsAre("p s t 2-60"));
  live("t", "s", 1, 500);
  taken();
  answer("p", "t", "s", 50);
  end("p", "s", "t", 2, 60);
  EXPECT_THAT(taken(), IsEmpty());
  live("t", "s", 2, 600);
  EXPECT_THAT(taken(), ElementsAre("t s:2"));
}

TEST_F(PublishersTest, TheEndOfABurstAfterARestartIsAskedForThoughMoreWasBefore) {
  keeps("p", "s", "t", 1, 0);
  live("t", "s", 1, 100);
  keeps("p", "s", "t", 1, 60);
  pass(milliseconds(100));
  EXPECT_THAT(asked(), ElementsAre("p s t 2-60"));
  live("t", "s", 1, 500);
  keeps("p", "s", "t", 1, 5);
  pass(milliseconds(100));
  EXPECT_EQ(asked().back(), "p s t 2-5");
}

TEST_F(PublishersTest, WhatAGreetingTakesBackIsAskedForAgain) {
  knows("first", "s", "t");
  keeps("p", "s", "t", 1, 1);
  knows("p", "o", "u");
  keeps("p", "o", "v", 1, 0);
  live("u", "o", 3);
  keeps("p", "o", "v", 1, 2);
  pass(milliseconds(100));
  EXPECT_THAT(asked(), ElementsAre("p o u 2-2", "p o v 1-2"));
  gone.insert("first");
  live("t", "s", 3);
  EXPECT_THAT(greeted(), ElementsAre("first", "p", "p")) << "which has not answered yet";
  repair.publishers().note_kept("p", "o", {{"u", 1, 3}, {"v", 1, 2}});
  pass(milliseconds(50));
  EXPECT_THAT(asked(), ElementsAre("p o u 2-2", "p o v 1-2", "p o u 2-2"));
  EXPECT_THAT(taken(), IsEmpty());
  pass(milliseconds(50));
  EXPECT_EQ(asked().back(), "p o v 1-2");
}

TEST_F(PublishersTest, LiarsDoNotFillTheQueueOfWhomTheySpeakFor) {
  knows("p", "s", "t");
  for (std::uint64_t i = 1; i <= 1'000; ++i) {
    keeps("liar", "s", "t", 1, i);
    if (i % 100 == 0) pass(milliseconds(1));
  }
  EXPECT_LE(tried, 2U);
  gone.insert("p");
  pass(milliseconds(100));
  keeps("liar", "s", "t", 1, 3);
  live("t", "s", 3);
  EXPECT_THAT(asked(), ElementsAre("liar s t 2-2")) << "it was none";
}

TEST_F(PublishersTest, APublisherThatCountsAnewAgainAndAgainIsAskedStill) {
  for (int i = 0; i < 200; ++i) {
    const std::string source = "s" + std::to_string(i);
    knows("p", source, "t");
    pass(milliseconds(1'000));
    live("t", source, 3);
    EXPECT_EQ(asked().back(), "p " + source + " t 2-2");
    answer("p", "t", source, 2);
    end("p", source, "t", 2, 2);
    taken();
  }
  EXPECT_EQ(failed(RepairFailure::unasked), 0U);
}

TEST_F(PublishersTest, SourcesByTheHundredAreNotAllOneConnections) {
  for (int i = 0; i < 200; ++i) keeps("p", "s" + std::to_string(i), "t", 1, 0);
  EXPECT_EQ(failed(RepairFailure::unasked), 136U);
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

TEST_F(PublishersTest, WhoAnswersIsOfUseThoughNothingOfItWasHeardYet) {
  keeps("p", "s", "t", 1, 3);
  pass(milliseconds(100));
  EXPECT_THAT(asked(), ElementsAre("p s t 1-3"));
  answer("p", "t", "s", 1);
  for (int i = 0; i < 1500; ++i) repair.publishers().greet("stranger " + std::to_string(i));
  answer("p", "t", "s", 2);
  EXPECT_THAT(taken(), ElementsAre("t s:1", "t s:2"));
}

// Who has just come may be a publisher whose first event is on its way.
TEST_F(PublishersTest, OfStrangersWhoCameFirstMakesRoom) {
  for (int i = 0; i < 1000; ++i) {
    repair.publishers().greet("stranger " + std::to_string(i));
    pass(milliseconds(1));
  }
  repair.publishers().greet("newcomer");
  keeps("stranger 999", "its own", "x", 1, 0);
  EXPECT_EQ(greeted().back(), "newcomer") << "the one before it is here still";
  keeps("stranger 0", "its own", "y", 1, 0);
  EXPECT_EQ(greeted().back(), "stranger 0") << "and has to be greeted anew";
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
