// What becomes of events behind a hole: told as stories, with a publisher whose answers the test gives.
#include "ingest/repair.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/ingest/repair_stage.hpp"

namespace zws {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::Gt;
using testing::IsEmpty;
using testing::Lt;
using testing::UnorderedElementsAre;

class RepairTest : public testing::Test, public RepairStage {};

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

TEST_F(RepairTest, AHoleIsAskedForWhenItsPublisherHasSpokenOfOtherTopicsOnly) {
  live("t", "s", 1);
  live("t", "s", 3);
  live("v", "s", 7);
  keeps("p", "s", "u", 1, 0);
  EXPECT_THAT(asked(), UnorderedElementsAre("p s t 2-2", "p s v 1-6"));
  live("t", "s", 5);
  EXPECT_EQ(asked().back(), "p s t 4-4");
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
  keeps("p", "s", "t", 300, 500);
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

TEST_F(RepairTest, WhatAPublisherThatDoesNotComeAgainWasAskedForIsUnanswered) {
  knows("p", "s", "t");
  live("t", "s", 4);
  repair.publishers().note_all_gone();
  repair.look();
  live("t", "s", 6);
  pass(milliseconds(200));
  EXPECT_THAT(taken(), ElementsAre("t s:4", "t s:6"));
  EXPECT_EQ(failed(RepairFailure::unanswered), 3);
}

TEST_F(RepairTest, WhatIsGoneIsCountedOnceThoughItsPublisherComesAgain) {
  live("t", "s", 1);
  keeps("p", "s", "t", 5, 1);
  live("t", "s", 10);
  EXPECT_EQ(failed(RepairFailure::gone), 3);
  repair.publishers().note_all_gone();
  repair.look();
  keeps("q", "s", "t", 7, 10);
  EXPECT_EQ(asked().back(), "q s t 7-9");
  EXPECT_EQ(failed(RepairFailure::gone), 5);
  end("q", "s", "t", 7, 9);
  EXPECT_THAT(taken(), ElementsAre("t s:1", "t s:10"));
  EXPECT_EQ(failed(RepairFailure::gone), 8);
  EXPECT_EQ(failed(RepairFailure::unanswered), 0);
}

TEST_F(RepairTest, WhatCameLatelyWaitsForAPublisherToComeAgainThoughTheTimeOfOthersIsOver) {
  knows("p", "s", "t");
  live("t", "s", 3);
  pass(milliseconds(150));
  repair.publishers().note_all_gone();
  repair.look();
  live("t", "s", 4);
  live("t", "s", 6);
  pass(milliseconds(50));
  EXPECT_THAT(taken(), ElementsAre("t s:3", "t s:4"));
  pass(milliseconds(100));
  keeps("q", "s", "t", 1, 6);
  EXPECT_EQ(asked().back(), "q s t 5-5");
  answer("q", "t", "s", 5);
  EXPECT_THAT(taken(), ElementsAre("t s:5", "t s:6"));
}

TEST_F(RepairTest, WhatWaitsForAPublisherThatDoesNotComeGoesOnInTime) {
  knows("p", "s", "t");
  live("t", "s", 3);
  pass(milliseconds(150));
  repair.publishers().note_all_gone();
  repair.look();
  live("t", "s", 6);
  pass(milliseconds(50));
  EXPECT_THAT(taken(), ElementsAre("t s:3"));
  pass(milliseconds(149));
  EXPECT_THAT(taken(), IsEmpty());
  pass(milliseconds(1));
  EXPECT_THAT(taken(), ElementsAre("t s:6"));
  EXPECT_EQ(repair.next_time(), SteadyTime::max());
}

TEST_F(RepairTest, WhatCameWhileTheBridgeStoodStillIsReadBeforeItIsTooLate) {
  knows("p", "s", "t");
  live("t", "s", 3);
  clock.now += milliseconds(5'000);
  repair.look();
  EXPECT_THAT(taken(), IsEmpty());
  EXPECT_LE(repair.next_time() - clock.now, milliseconds(20));
  answer("p", "t", "s", 2);
  end("p", "s", "t", 2, 2);
  EXPECT_THAT(taken(), ElementsAre("t s:2", "t s:3"));
  live("t", "s", 5);
  clock.now += milliseconds(5'000);
  repair.look();
  pass(milliseconds(20));
  EXPECT_THAT(taken(), ElementsAre("t s:5")) << "it is waited for a moment longer, once";
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

TEST_F(RepairTest, SourcesThatAreForgottenTakeNoRoom) {
  RepairRules rules;
  rules.stream_bytes = 4'000;
  repair.set_rules(rules);
  for (int i = 0; i < 1'000; ++i) live("t", "s" + std::to_string(i), 1);
  EXPECT_LE(repair.streams().bytes(), 4'500);
}

TEST_F(RepairTest, WhatThereIsNoRoomToKnowOfIsCounted) {
  RepairRules rules;
  rules.stream_bytes = 4'000;
  repair.set_rules(rules);
  std::uint64_t topics = 0;
  for (; topics < 100; ++topics) keeps("p", "s", "t" + std::to_string(topics), 1, 2);
  EXPECT_LE(repair.streams().bytes(), 4'500);
  std::set<std::string> had;
  pass(milliseconds(100));
  for (std::size_t next = 0; next < asked().size(); ++next) {
    const std::string topic = asked()[next].substr(4, asked()[next].find(' ', 4) - 4);
    had.insert(topic);
    end("p", "s", topic, 1, 2);
  }
  EXPECT_THAT(had.size(), AllOf(Gt(10U), Lt(20U)));
  EXPECT_EQ(failed(RepairFailure::no_room), 2 * (topics - had.size()));
}

}  // namespace
}  // namespace zws
