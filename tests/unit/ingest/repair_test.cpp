// What becomes of events behind a hole: told as stories, with a publisher whose answers the test gives.
#include "ingest/repair.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/ingest/repair_stage.hpp"

namespace zws {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class RepairTest : public testing::Test, public RepairStage {};

TEST_F(RepairTest, EventsWithoutAHoleGoOnAtOnce) {
  live("t", "s", 1);
  live("t", "s", 2);
  live("u", "s", 1);
  headerless("t");
  EXPECT_THAT(taken(), ElementsAre("t s:1", "t s:2", "u s:1", "t :0"));
  EXPECT_EQ(repair.next_time(), SteadyTime::max());
}

TEST_F(RepairTest, JumpOfASourceThatCannotBeAskedGoesOnAtOnce) {
  live("t", "s", 1);
  live("t", "s", 5);
  EXPECT_THAT(taken(), ElementsAre("t s:1")) << "its publisher may be about to speak";
  pass(milliseconds(200));
  live("t", "s", 9);
  live("u", "s", 7);
  EXPECT_THAT(taken(), ElementsAre("t s:5", "t s:9", "u s:7")) << "once";
}

TEST_F(RepairTest, AHoleBeforeItsPublisherHasSpokenIsFilled) {
  live("t", "s", 1);
  live("t", "s", 3);
  pass(milliseconds(50));
  keeps("p", "s", "t", 1, 3);
  EXPECT_THAT(asked(), ElementsAre("p s t 2-2"));
  answer("p", "t", "s", 2);
  EXPECT_THAT(taken(), ElementsAre("t s:1", "t s:2", "t s:3"));
}

TEST_F(RepairTest, WhatIsMissingIsAskedForAndComesInOrder) {
  knows("p", "s", "t");
  live("t", "s", 4);
  live("u", "s", 1);
  EXPECT_THAT(taken(), ElementsAre("u s:1")) << "other topics do not wait";
  EXPECT_THAT(asked(), ElementsAre("p s t 2-3"));
  live("t", "s", 5);
  answer("p", "t", "s", 2);
  answer("p", "t", "s", 3);
  end("p", "s", "t", 2, 3);
  EXPECT_THAT(taken(), ElementsAre("t s:2", "t s:3", "t s:4", "t s:5"));
  EXPECT_EQ(metrics.repaired.value(), 2);
  EXPECT_EQ(repair.bytes_held(), 0);
}

TEST_F(RepairTest, WhatCannotBeHadIsNotWaitedForBeyondTheEnd) {
  knows("p", "s", "t");
  live("t", "s", 5);
  answer("p", "t", "s", 3);
  EXPECT_THAT(taken(), IsEmpty()) << "2 may still come";
  end("p", "s", "t", 2, 4);
  EXPECT_THAT(taken(), ElementsAre("t s:3", "t s:5"));
  EXPECT_EQ(failed(RepairFailure::gone), 2);
}

TEST_F(RepairTest, AfterTheWaitItGoesOnWithWhatThereIs) {
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

TEST_F(RepairTest, WhoDidNotAnswerIsNotWaitedForUntilItSpeaksAgain) {
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

TEST_F(RepairTest, SeveralHolesAreAskedForAndFilledInAnyOrder) {
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

TEST_F(RepairTest, AHoleThatFillsItselfIsNotDeliveredTwice) {
  knows("p", "s", "t");
  live("t", "s", 3);
  live("t", "s", 2);
  EXPECT_THAT(taken(), ElementsAre("t s:2", "t s:3"));
  answer("p", "t", "s", 2);
  end("p", "s", "t", 2, 2);
  EXPECT_THAT(taken(), IsEmpty());
  EXPECT_EQ(failed(RepairFailure::gone), 0);
}

TEST_F(RepairTest, AnEventThatComesLateAsWellIsNobodysBusiness) {
  knows("p", "s", "t");
  live("t", "s", 3);
  answer("p", "t", "s", 2);
  EXPECT_THAT(taken(), ElementsAre("t s:2", "t s:3"));
  live("t", "s", 2);
  EXPECT_THAT(taken(), IsEmpty()) << "not even as a duplicate";
}

TEST_F(RepairTest, TheEndOfABurstIsAskedForWhenItDoesNotCome) {
  knows("p", "s", "t");
  keeps("p", "s", "t", 1, 3);
  EXPECT_THAT(asked(), IsEmpty()) << "it may be on its way";
  live("t", "s", 2);
  pass(milliseconds(100));
  EXPECT_THAT(asked(), ElementsAre("p s t 3-3"));
  answer("p", "t", "s", 3);
  end("p", "s", "t", 3, 3);
  EXPECT_THAT(taken(), ElementsAre("t s:2", "t s:3"));
  keeps("p", "s", "t", 1, 3);
  pass(milliseconds(100));
  EXPECT_THAT(asked(), ElementsAre("p s t 3-3")) << "only once";
}

TEST_F(RepairTest, WhatNobodyHeardIsAskedForAtOnceAndOnlyAsMuchAsATopicKeeps) {
  keeps("p", "s", "t", 1, 500);
  EXPECT_THAT(greeted(), ElementsAre("p"));
  EXPECT_THAT(asked(), ElementsAre("p s t 401-500"));
  answer("p", "t", "s", 401);
  EXPECT_THAT(taken(), ElementsAre("t s:401"));
  live("t", "s", 501);
  EXPECT_THAT(taken(), IsEmpty());
  for (std::uint64_t seq = 402; seq <= 500; ++seq) answer("p", "t", "s", seq);
  EXPECT_EQ(taken().back(), "t s:501");
}

TEST_F(RepairTest, TheFirstEventHeardWaitsForItsPublisherToSpeak) {
  live("t", "s", 10);
  live("t", "s", 11);
  EXPECT_THAT(taken(), IsEmpty());
  pass(milliseconds(100));
  keeps("p", "s", "t", 8, 11);
  EXPECT_THAT(asked(), ElementsAre("p s t 8-9"));
  answer("p", "t", "s", 8);
  answer("p", "t", "s", 9);
  EXPECT_THAT(taken(), ElementsAre("t s:8", "t s:9", "t s:10", "t s:11"));
}

TEST_F(RepairTest, ASourceThatSaysNothingDelaysOnce) {
  live("t", "s", 10);
  pass(milliseconds(150));
  live("u", "s", 7);
  pass(milliseconds(50));
  EXPECT_THAT(taken(), UnorderedElementsAre("t s:10", "u s:7")) << "together";
  live("v", "s", 3);
  live("t", "s", 15);
  EXPECT_THAT(taken(), ElementsAre("v s:3", "t s:15"));
  EXPECT_EQ(failed(RepairFailure::unanswered), 0);
}

TEST_F(RepairTest, ASourceThatGoesBackwardsBeforeItIsKnownIsHandedOnAsItCame) {
  live("t", "s", 5);
  live("t", "s", 4);
  live("t", "s", 1);
  live("t", "s", 5);
  live("t", "s", 6);
  EXPECT_THAT(taken(), ElementsAre("t s:5", "t s:4", "t s:1", "t s:5", "t s:6"));
}

TEST_F(RepairTest, ARestartIsNotHeldUp) {
  keeps("p", "s", "t", 1, 0);
  live("t", "s", 1, 100);
  live("t", "s", 2, 200);
  live("t", "s", 4, 400);
  live("t", "s", 1, 500);
  EXPECT_THAT(taken(), ElementsAre("t s:1", "t s:2", "t s:4", "t s:1"));
  live("t", "s", 2, 600);
  EXPECT_THAT(taken(), ElementsAre("t s:2")) << "the numbers of before count no more";
}

TEST_F(RepairTest, ARestartWhoseFirstEventWasLostIsTheExchangesToSee) {
  keeps("p", "s", "t", 1, 0);
  for (std::uint64_t seq = 1; seq <= 9; ++seq) live("t", "s", seq, 100 * seq);
  EXPECT_EQ(taken().size(), 9);
  for (std::uint64_t seq = 2; seq <= 4; ++seq) live("t", "s", seq, 1000 * seq);
  EXPECT_THAT(taken(), ElementsAre("t s:2", "t s:3", "t s:4"));
  live("t", "s", 5, 9000);
  EXPECT_THAT(taken(), ElementsAre("t s:5"));
}

TEST_F(RepairTest, AConnectionThatIsGoneIsWaitedForAndTheNextIsAsked) {
  knows("p", "s", "t");
  gone.insert("p");
  live("t", "s", 3);
  EXPECT_THAT(taken(), IsEmpty());
  keeps("q", "s", "t", 1, 3);
  EXPECT_THAT(asked(), ElementsAre("q s t 2-2"));
  answer("q", "t", "s", 2);
  EXPECT_THAT(taken(), ElementsAre("t s:2", "t s:3"));
}

TEST_F(RepairTest, ASourceWithoutTopicsGoesOverToTheNextConnection) {
  repair.note_kept("p", "s", {});
  gone.insert("p");
  knows("q", "s", "t");
  live("t", "s", 3);
  EXPECT_THAT(asked(), ElementsAre("q s t 2-2"));
  answer("q", "t", "s", 2);
  EXPECT_THAT(taken(), ElementsAre("t s:2", "t s:3"));
}

TEST_F(RepairTest, ASourceBelongsToWhoSpokeOfItFirst) {
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

TEST_F(RepairTest, AnswersThatWereNotAskedForAreDropped) {
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

TEST_F(RepairTest, WhatIsHeldIsBounded) {
  RepairRules rules;
  rules.held_bytes = 1'000;
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

TEST_F(RepairTest, WantsArePacedAndBounded) {
  RepairRules rules;
  rules.first_events = 100'000;
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

TEST_F(RepairTest, AHoleOfAbsurdSizeIsAskedForInPart) {
  knows("p", "s", "t");
  live("t", "s", std::uint64_t{1} << 60U);
  EXPECT_LE(asked().size(), 16);
  pass(milliseconds(200));
  EXPECT_EQ(taken().size(), 1);
}

TEST_F(RepairTest, StreamsThatAreForgottenCauseNoQuestions) {
  RepairRules rules;
  rules.stream_bytes = 4'000;
  repair.set_rules(rules);
  keeps("p", "s", "t", 1, 0);
  for (int topic = 0; topic < 100; ++topic) live("t" + std::to_string(topic), "s", 1);
  EXPECT_LE(repair.streams().bytes(), 4'500);
  taken();
  live("t0", "s", 2);
  keeps("p", "s", "t1", 1, 1);
  EXPECT_THAT(taken(), ElementsAre("t0 s:2"));
  EXPECT_THAT(asked(), IsEmpty());
}

TEST_F(RepairTest, TheEndOfAConnectionIsToldBeforeWhatIsHeldOfIt) {
  knows("p", "s", "t");
  live("t", "s", 3);
  repair.ended(7);
  EXPECT_THAT(taken(), ElementsAre("ended 7"));
  answer("p", "t", "s", 2);
  EXPECT_EQ(last_connection, Arrival::over) << "of a connection that is over already";
}

TEST_F(RepairTest, EventsOfAllAndOfUsersDoNotWait) {
  live("@user/ada", "s", 9);
  live("@all", "s", 9);
  EXPECT_THAT(taken(), ElementsAre("@user/ada s:9", "@all s:9"));
}

TEST_F(RepairTest, StrangersThrowOutNoPublisherThatIsOfUse) {
  knows("p", "s", "t");
  for (int i = 0; i < 3000; ++i) {
    repair.greet("stranger " + std::to_string(i));
    keeps("stranger " + std::to_string(i), "of its own " + std::to_string(i), "x", 1, 0);
    pass(milliseconds(1));
  }
  live("t", "s", 3);
  EXPECT_THAT(asked(), ElementsAre("p s t 2-2"));
  answer("p", "t", "s", 2);
  EXPECT_THAT(taken(), ElementsAre("t s:2", "t s:3"));
}

TEST_F(RepairTest, WhereAllAreOfUseNobodyMakesRoomButWhoIsGone) {
  for (int i = 0; i < 1000; ++i)
    knows("p" + std::to_string(i), "s" + std::to_string(i), "t" + std::to_string(i));
  repair.greet("newcomer");
  EXPECT_EQ(greeted().back(), "p999");
  EXPECT_EQ(failed(RepairFailure::unasked), 1U);
  gone.insert("p500");
  pass(std::chrono::seconds(1));
  repair.greet("newcomer");
  EXPECT_EQ(greeted().back(), "newcomer");
}

TEST_F(RepairTest, StrangersDoNotMakeItTryAllPublishersEachTime) {
  for (int i = 0; i < 2000; ++i) repair.greet("stranger " + std::to_string(i));
  EXPECT_LE(tried, 1000U);
}

TEST_F(RepairTest, WithoutMemoryToHoldItAnEventGoesOnAsItCame) {
  RepairRules rules;
  rules.held_bytes = ~std::size_t{0};
  repair.set_rules(rules);
  knows("p", "s", "t");
  const std::string t = "t";
  const std::string u = "u";
  const std::string source = "s";
  const std::string other = "other";
  Arrival arrivals[] = {event(t, source, 3, 0), event(u, other, 1, 0), event(t, source, 2, 0)};
  arrivals[0].payload = {arrivals[0].payload.data(),
                         ~std::size_t{0} / 2};  // more than a string may have
  repair.accept(arrivals, 3);
  EXPECT_THAT(taken(), UnorderedElementsAre("t s:3", "u other:1", "t s:2"));
}

}  // namespace
}  // namespace zws
