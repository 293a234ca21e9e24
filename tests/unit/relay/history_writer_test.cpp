#include "relay/history_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/topic.hpp"
#include "unit/exchange/stage.hpp"
#include "unit/relay/redis_answers.hpp"

namespace zws {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Words = RedisAnswers::Words;

class HistoryWriterTest : public testing::Test {
 protected:
  HistoryWriterTest() {
    clock.set_wall(WallTime(milliseconds(1'700'000'000'000)));
    writer.on_up();
  }

  // Its frame is two bytes, as of a short one, and its text.
  void write(std::uint64_t seq, bool restart = false, const std::string& source = "a",
             const std::string& text = "") {
    Sent sent{"t", source, seq};
    sent.restart = restart;
    const std::string frame = "x\x01" + (text.empty() ? frame_of(seq) : text);
    writer.write(Event::make(fields_of(sent, clock.steady()), {frame}));
  }
  static std::string frame_of(std::uint64_t seq) { return "text " + std::to_string(seq); }

  // What lies under one number of a stream.
  static std::string entry(const std::string& id, const std::string& text,
                           const std::string& heard_ms = "1700000000000") {
    return array({array({bulk(id), texts({"f", text, "t", heard_ms})})});
  }

  // Redis has a later event than those; and where it is asked what it has, this.
  void refuse_all_but(const std::string& there) {
    redis.answer([&](const Words& words) {
      if (words[0] == "XADD")
        return std::string(
            "-ERR The ID specified in XADD is equal or smaller than the target stream top "
            "item\r\n");
      return words[0] == "XREVRANGE" ? there : std::string(":1\r\n");
    });
  }

  // That this is said before anything else is done.
  void expect_begun_anew(std::size_t from) {
    EXPECT_THAT(redis.sent.at(from),
                ElementsAre("ZADD", keys.index("t"), "XX", "1700000001000", "!"));
    EXPECT_THAT(redis.sent.at(from + 1), ElementsAre("ZREM", keys.index("t"), "a"));
    EXPECT_THAT(redis.sent.at(from + 2), ElementsAre("DEL", keys.stream("t", "a")));
  }

  // The scores that went into the index.
  std::vector<std::string> scores() const {
    std::vector<std::string> all_scores;
    for (const Words& each : redis.of("ZADD"))
      if (each[1] == keys.scratch("t", "me")) all_scores.push_back(each[2]);
    return all_scores;
  }

  Config config;
  FakeClock clock;
  RelayMetrics metrics;
  RedisAnswers redis;
  KeptKeys keys{"zws:"};
  HistoryWriter writer{config, "me",
                       [this](const Words& words, HistoryWriter::Done done) {
                         return redis.send(words, std::move(done));
                       },
                       metrics, clock};
};

TEST_F(HistoryWriterTest, ASourceIsInTheIndexBeforeItsFirstEventIsKept) {
  write(7);
  ASSERT_THAT(redis.sent, SizeIs(testing::Ge(6U)));
  EXPECT_THAT(redis.sent[0],
              ElementsAre("ZADD", keys.index("t"), "NX", "1699999999998", "*", "0", "!"));
  EXPECT_THAT(redis.sent[2], ElementsAre("ZADD", keys.scratch("t", "me"), "7.5", "a"));
  EXPECT_THAT(redis.sent[3], ElementsAre("ZUNIONSTORE", keys.index("t"), "2", keys.index("t"),
                                         keys.scratch("t", "me"), "AGGREGATE", "MAX"));
  EXPECT_EQ(redis.sent[5][0], "XADD");
  EXPECT_EQ(redis.sent[5][5], "0-7");
  redis.answer_ok();
  EXPECT_EQ(metrics.written.value(), 1U);
}

TEST_F(HistoryWriterTest, WhileItSpeaksAnEventIsOneCommand) {
  write(1);
  redis.answer_ok();
  redis.forget_sent();
  for (std::uint64_t seq = 2; seq <= 50; ++seq) {
    clock.advance(milliseconds(500));
    write(seq);
    writer.tick();
  }
  EXPECT_THAT(redis.of("XADD"), SizeIs(49));
  EXPECT_THAT(redis.sent, SizeIs(49));
}

TEST_F(HistoryWriterTest, WhereItEndedIsNotedWhenItIsSilent) {
  write(1);
  write(2);
  clock.advance(milliseconds(1'001));
  writer.tick();
  EXPECT_THAT(scores(), ElementsAre("1.5", "2.75"));
  const auto expiries = redis.of("PEXPIRE");
  EXPECT_THAT(expiries, Contains(ElementsAre("PEXPIRE", keys.stream("t", "a"), "435000")));
  write(3);
  EXPECT_THAT(scores(), ElementsAre("1.5", "2.75", "3.5"));
}

TEST_F(HistoryWriterTest, OfAnotherLifeOfRedisAllPartitionsAreToldBeforeAnythingIsReadOrWritten) {
  bool ready = false;
  writer.on_up("now", [&] { ready = true; });
  EXPECT_FALSE(writer.checked());
  EXPECT_THAT(redis.sent, ElementsAre(ElementsAre("GET", keys.life())));
  redis.answer_once("$6\r\nbefore\r\n");
  EXPECT_TRUE(writer.checked());
  EXPECT_FALSE(writer.ready());
  EXPECT_THAT(redis.of("SET"), SizeIs(KeptKeys::partitions));
  EXPECT_FALSE(ready);
  redis.answer_ok();
  EXPECT_TRUE(ready);
  EXPECT_EQ(redis.sent.back(), (Words{"SET", keys.life(), "now"}));
}

TEST_F(HistoryWriterTest, WhereNotAllCanBeToldItsLifeIsNotToldEither) {
  writer.on_up("now");
  redis.answer_once("$6\r\nbefore\r\n");
  redis.answer([](const Words&) { return std::string("-OOM no\r\n"); });
  EXPECT_FALSE(writer.ready());
  EXPECT_THAT(redis.of("SET"), SizeIs(KeptKeys::partitions));
  redis.forget_sent();
  writer.tick();
  redis.answer_ok();
  EXPECT_TRUE(writer.ready());
  EXPECT_EQ(redis.sent.back(), (Words{"SET", keys.life(), "now"}));
}

TEST_F(HistoryWriterTest, OfTheSameLifeAndOfOneThatIsEmptyNothingIsTold) {
  writer.on_up("now");
  redis.answer_once("$3\r\nnow\r\n");
  EXPECT_TRUE(writer.ready());
  EXPECT_THAT(redis.of("SET"), IsEmpty());
  writer.on_up("now");
  redis.answer_once("$-1\r\n");
  EXPECT_TRUE(writer.ready());
  EXPECT_THAT(redis.of("SET"), IsEmpty());
  redis.forget_sent();
  write(1);
  write(2);
  EXPECT_EQ(redis.sent[0], (Words{"SET", keys.life(), "now"}));  // before the first event
  EXPECT_THAT(redis.of("SET"), SizeIs(1));
}

TEST_F(HistoryWriterTest,
       WhatThisBridgeGaveToAnotherRedisIsToldThoughOthersHaveSaidWhichOneThisIs) {
  writer.on_up("one");
  redis.answer_once("$3\r\none\r\n");
  writer.on_up("two");
  redis.answer_once("$3\r\ntwo\r\n");
  EXPECT_FALSE(writer.ready());
  EXPECT_THAT(redis.of("SET"), SizeIs(KeptKeys::partitions));
  redis.answer_ok();
  EXPECT_TRUE(writer.ready());
}

TEST_F(HistoryWriterTest, ItIsToldThoughTheFirstConnectionToTheOtherRedisBrokeBeforeItAnswered) {
  writer.on_up("one");
  redis.answer_once("$3\r\none\r\n");
  writer.on_up("two");
  redis.break_off();
  writer.on_up("two");
  redis.answer_once("$3\r\ntwo\r\n");
  EXPECT_FALSE(writer.ready());
  EXPECT_THAT(redis.of("SET"), SizeIs(KeptKeys::partitions));
  redis.answer_ok();
  writer.on_up("two");  // once
  redis.answer_once("$3\r\ntwo\r\n");
  EXPECT_TRUE(writer.ready());
}

TEST_F(HistoryWriterTest, ItsLifeIsToldAgainAsItMayHaveBeenEvicted) {
  writer.on_up("now");
  redis.answer_once("$3\r\nnow\r\n");
  clock.advance(minutes(1));
  writer.tick();
  EXPECT_THAT(redis.of("SET"), IsEmpty());
  clock.advance(seconds(1));
  writer.tick();
  writer.tick();
  EXPECT_THAT(redis.of("SET"), ElementsAre(ElementsAre("SET", keys.life(), "now")));
}

TEST_F(HistoryWriterTest, ASourceThatCouldNotBePutIntoTheIndexIsPutThereWithItsNextEvent) {
  redis.up = false;
  write(1);
  EXPECT_EQ(metrics.unwritten.value(), 1U);
  redis.up = true;
  write(2);
  EXPECT_THAT(scores(), ElementsAre("2.5"));
  EXPECT_THAT(redis.of("XADD"), SizeIs(1));
}

TEST_F(HistoryWriterTest, WhereItFailedInTheMiddleAllIsInDoubtAndPutIntoTheIndexAgain) {
  write(1);
  writer.give_up(3);
  EXPECT_EQ(metrics.unwritten.value(), 3U);
  redis.forget_sent();
  writer.tick();
  EXPECT_THAT(redis.of("SET"), SizeIs(KeptKeys::partitions));
  write(2);
  EXPECT_THAT(scores(), ElementsAre("2.5"));
}

TEST_F(HistoryWriterTest, AllAreClosedAtTheEnd) {
  write(1);
  write(4, false, "b");
  writer.close_all();
  EXPECT_THAT(scores(), ElementsAre("1.5", "4.5", "1.75", "4.75"));
}

TEST_F(HistoryWriterTest, WhatIsThereAlreadyIsNeitherWrittenNorLost) {
  write(1);
  refuse_all_but(entry("0-1", frame_of(1)));
  EXPECT_EQ(metrics.written.value(), 0U);
  EXPECT_EQ(metrics.unwritten.value(), 0U);
  EXPECT_THAT(redis.of("DEL"), SizeIs(2));  // of the scratch
}

TEST_F(HistoryWriterTest, WhereAWriteIsRefusedNobodyReadsTheTopic) {
  write(1);
  redis.answer([](const Words& words) {
    return words[0] == "XADD" ? std::string("-OOM command not allowed\r\n") : std::string(":1\r\n");
  });
  EXPECT_EQ(metrics.unwritten.value(), 1U);
  EXPECT_EQ(redis.sent.back(), (Words{"DEL", keys.index("t")}));
  redis.forget_sent();
  write(2);
  EXPECT_THAT(scores(), ElementsAre("2.5"));
}

TEST_F(HistoryWriterTest, WhereItIsNotEvenDeletedThePartitionIsTold) {
  write(1);
  redis.answer([](const Words&) { return std::string("-NOREPLICAS no\r\n"); });
  EXPECT_FALSE(writer.ready());
  redis.forget_sent();
  writer.tick();
  redis.answer_ok();
  EXPECT_THAT(redis.of("SET"), SizeIs(1));
  EXPECT_TRUE(writer.ready());
}

TEST_F(HistoryWriterTest, WhatWasOnItsWayWhenTheConnectionBrokeIsTold) {
  write(1);
  redis.break_off();
  EXPECT_EQ(metrics.unwritten.value(), 1U);
  redis.forget_sent();
  writer.on_up();
  ASSERT_THAT(redis.of("SET"), SizeIs(1));
  EXPECT_EQ(redis.sent[0][1], keys.lost(KeptKeys::partition("t")));
  EXPECT_EQ(redis.sent[0][2], "1700000000000");
  redis.answer_ok();
  writer.tick();
  EXPECT_THAT(redis.of("SET"), SizeIs(1));
  write(2);
  EXPECT_THAT(scores(), ElementsAre("2.5"));  // the index may have gone
}

TEST_F(HistoryWriterTest, WhatWasLostIsToldUntilRedisHasTakenIt) {
  writer.lose(5, 1U << 3);
  EXPECT_EQ(metrics.unwritten.value(), 5U);
  writer.tick();
  redis.answer([](const Words&) { return std::string("-OOM no\r\n"); });
  writer.tick();
  EXPECT_THAT(redis.of("SET"), SizeIs(2));
}

TEST_F(HistoryWriterTest, OfASourceThatBeginsAgainWhatWasKeptGoes) {
  write(5);
  redis.forget_sent();
  write(1, true);
  ASSERT_THAT(redis.sent, SizeIs(testing::Ge(4U)));
  expect_begun_anew(0);
  EXPECT_THAT(scores(), ElementsAre("1.5"));
  write(2);
  EXPECT_THAT(redis.of("XADD"), SizeIs(2));
  clock.advance(seconds(2));
  writer.tick();
  EXPECT_THAT(scores(), ElementsAre("1.5", "2.75"));
}

TEST_F(HistoryWriterTest, WhatIsThereUnderANumberAndIsAnotherEventIsOfAFormerLife) {
  write(1, false, "a", "new");
  refuse_all_but(entry("0-1", "old"));
  const auto from = static_cast<std::size_t>(
      std::find_if(redis.sent.begin(), redis.sent.end(),
                   [](const Words& each) { return each[0] == "XREVRANGE"; }) -
      redis.sent.begin());
  EXPECT_THAT(redis.sent.at(from), ElementsAre("XREVRANGE", keys.stream("t", "a"), "0-1", "0-1"));
  expect_begun_anew(from + 1);
  EXPECT_THAT(scores(), ElementsAre("1.5", "1.5"));
  write(2, false, "a", "new");  // from there on nothing is of the former
  refuse_all_but(entry("0-2", "old"));
  EXPECT_THAT(redis.of("XREVRANGE"), SizeIs(1));
}

TEST_F(HistoryWriterTest, WhoIsBehindDoesNotTakeOutWhatOthersHaveKeptSince) {
  write(1, false, "a", "old");
  refuse_all_but(entry("0-1", "new", "1700000005001"));
  EXPECT_THAT(redis.of("ZREM"), IsEmpty());
  write(2, false, "a", "old");
  refuse_all_but(entry("0-2", "new", "1700000005000"));  // clocks may differ by as much
  EXPECT_THAT(redis.of("ZREM"), SizeIs(1));
}

TEST_F(HistoryWriterTest, WhoIsBehindDoesNotMissInItWhatLaterEventsPushedOut) {
  write(1);
  clock.set_wall(WallTime(milliseconds(1'700'000'006'000)));
  clock.advance(seconds(6));
  refuse_all_but("*0\r\n");
  clock.advance(seconds(3));
  writer.tick();
  EXPECT_THAT(redis.of("ZREM"), IsEmpty());
}

TEST_F(HistoryWriterTest, WhatAnotherBridgeKeptIsComparedOnce) {
  write(1, false, "a", "same");
  refuse_all_but(entry("0-1", "same"));
  write(2, false, "a", "same");
  refuse_all_but(entry("0-2", "same"));
  EXPECT_THAT(redis.of("XREVRANGE"), SizeIs(1));
  EXPECT_THAT(redis.of("ZREM"), IsEmpty());
}

TEST_F(HistoryWriterTest, WhatLooksTheSameButCameLongAgoProvesNothing) {
  write(1, false, "a", "same");
  refuse_all_but(entry("0-1", "same", "1699999000000"));
  EXPECT_THAT(redis.of("ZREM"), IsEmpty());
  write(2, false, "a", "new");
  refuse_all_but(entry("0-2", "old", "1699999000000"));
  EXPECT_THAT(redis.of("ZREM"), SizeIs(1));
}

TEST_F(HistoryWriterTest, OfEventsThatLaterOnesPushedOutThoseComeOrItIsAnotherLife) {
  write(1);
  refuse_all_but("*0\r\n");
  clock.advance(milliseconds(500));
  write(2);
  refuse_all_but(entry("0-2", frame_of(2)));  // it came once more
  clock.advance(milliseconds(1'001));
  writer.tick();
  EXPECT_THAT(redis.of("ZREM"), IsEmpty());
  write(3, false, "b");
  refuse_all_but("*0\r\n");
  clock.advance(milliseconds(1'001));
  writer.tick();
  EXPECT_THAT(redis.of("ZREM"), ElementsAre(ElementsAre("ZREM", keys.index("t"), "b")));
  EXPECT_EQ(scores().back(), "3.75");
}

TEST_F(HistoryWriterTest, WhatCouldNotBeComparedIsTold) {
  write(1);
  refuse_all_but("");
  writer.tick();
  EXPECT_THAT(redis.of("SET"), SizeIs(1));
}

TEST_F(HistoryWriterTest, WhatCouldNotEvenBeAskedForIsTold) {
  write(1);
  redis.answer([&](const Words& words) {
    if (words[0] != "XADD") return std::string(":1\r\n");
    redis.up = false;  // there is no room for the question
    return std::string(
        "-ERR The ID specified in XADD is equal or smaller than the target stream top item\r\n");
  });
  redis.up = true;
  writer.tick();
  EXPECT_THAT(redis.of("SET"), SizeIs(1));
}

TEST_F(HistoryWriterTest, WhatIsKeptStaysTwiceAsLongAsItMayBeAskedFor) {
  config.history.ttl = std::chrono::hours(24 * 30);
  writer.reload(config);
  write(1);
  const auto puts_off = redis.of("PEXPIRE");
  ASSERT_THAT(puts_off, SizeIs(2));
  for (const Words& each : puts_off)
    EXPECT_EQ(each[2], std::to_string(milliseconds(std::chrono::hours(24 * 60)).count()));
}

TEST_F(HistoryWriterTest, ThatThereWereEventsThatAreNotKeptIsSaidOnceASecond) {
  for (int i = 0; i < 30; ++i) {
    writer.pass_over(*make_event({"t", "own", 1}, clock.steady()));
    clock.advance(milliseconds(100));
    writer.tick();
  }
  EXPECT_THAT(redis.sent, SizeIs(3));
  EXPECT_THAT(redis.sent[0], ElementsAre("ZADD", keys.index("t"), "XX", "1700000001000", "!"));
  clock.advance(milliseconds(1'001));
  writer.tick();  // of those since it was said last
  EXPECT_THAT(redis.sent, SizeIs(4));
}

TEST_F(HistoryWriterTest, WhatHasANumberTooLargeOrIsRawIsNotKeptAndThatIsSaid) {
  write(kept_seq_max + 1);
  Sent raw{"raw", "a", 1};
  raw.raw = true;
  writer.write(make_event(raw, clock.steady()));
  EXPECT_THAT(redis.sent,
              ElementsAre(ElementsAre("ZADD", keys.index("t"), "XX", testing::_, "!"),
                          ElementsAre("ZADD", keys.index("raw"), "XX", testing::_, "!")));
}

TEST_F(HistoryWriterTest, AnIndexThatBeginsRightThenSaysItToo) {
  writer.pass_over(*make_event({"t", "own", 1}, clock.steady()));
  redis.forget_sent();
  write(1);
  ASSERT_THAT(redis.sent, SizeIs(testing::Ge(2U)));
  EXPECT_THAT(redis.sent[1], ElementsAre("ZADD", keys.index("t"), "XX", "1700000001000", "!"));
}

TEST_F(HistoryWriterTest, WhereThatDoesNotComeToRedisThePartitionIsTold) {
  redis.up = false;
  writer.pass_over(*make_event({"t", "own", 1}, clock.steady()));
  redis.up = true;
  writer.tick();
  EXPECT_THAT(redis.of("SET"), SizeIs(1));
  writer.pass_over(*make_event({"u", "own", 1}, clock.steady()));
  redis.break_off();
  writer.tick();
  EXPECT_THAT(redis.of("SET"), SizeIs(3));
}

TEST_F(HistoryWriterTest, AnIndexWithTooManySourcesLosesThoseThatEnded) {
  config.limits.sources_per_topic = 4;
  writer.reload(config);
  write(1);
  redis.answer([&](const Words& words) {
    if (words[0] == "ZUNIONSTORE") return std::string(":7\r\n");
    if (words[0] == "ZRANGE")
      return texts(
          {"a", "1.5", "b", "2.75", "c", "3.75", "d", "4.5", "e", "5.75", "*", "1600000000000"});
    return std::string(":1\r\n");
  });
  EXPECT_THAT(redis.of("ZADD"),
              Contains(ElementsAre("ZADD", keys.index("t"), "XX", "1700000001000", "!")));
  EXPECT_THAT(redis.of("ZREM"), ElementsAre(ElementsAre("ZREM", keys.index("t"), "b", "c")));
}

TEST_F(HistoryWriterTest, WhoSpeaksOnAndWasTakenOutOfTheIndexIsPutThereWithItsNextEvent) {
  config.limits.sources_per_topic = 2;
  writer.reload(config);
  write(1);
  redis.answer([&](const Words& words) {
    if (words[0] == "ZUNIONSTORE") return std::string(":5\r\n");
    if (words[0] == "ZRANGE") return texts({"a", "1.5", "b", "1.5", "c", "1.5"});
    return std::string(":1\r\n");
  });
  EXPECT_THAT(redis.of("ZREM"), ElementsAre(ElementsAre("ZREM", keys.index("t"), "a")));
  // Others alone may hear it: these put it in again at their pace.
  EXPECT_THAT(redis.of("ZADD"),
              Contains(ElementsAre("ZADD", keys.index("t"), "XX", "1700000076000", "!")));
  redis.forget_sent();
  write(2);
  EXPECT_THAT(scores(), ElementsAre("2.5"));
}

TEST_F(HistoryWriterTest, WhoSpeaksOnIsPutInAgainWhereAnotherBridgeTookItOut) {
  write(1);
  redis.answer_ok();
  redis.forget_sent();
  clock.advance(seconds(75));
  write(2);
  redis.answer_ok();
  EXPECT_THAT(redis.of("ZADD"),
              ElementsAre(ElementsAre("ZADD", keys.index("t"), "NX", "2.5", "a")));
}

TEST_F(HistoryWriterTest, WhoReadsThatASourceEndedClosesItUnlessItIsHeardHere) {
  writer.close_for_another("t", "a", 40);
  EXPECT_THAT(scores(), ElementsAre("40.75"));
  redis.answer([](const Words& words) {
    return words[0] == "XREVRANGE" ? entry("0-40", "x") : std::string(":1\r\n");
  });
  EXPECT_THAT(redis.of("ZREM"), IsEmpty());
  write(1);
  redis.answer_ok();
  redis.forget_sent();
  writer.close_for_another("t", "a", 40);
  EXPECT_THAT(redis.sent, IsEmpty());
}

TEST_F(HistoryWriterTest, WhoClosesASourceThatHasBegunAgainMeanwhileTakesThatBack) {
  writer.close_for_another("t", "a", 40);
  redis.answer([](const Words& words) {
    return words[0] == "XREVRANGE" ? entry("0-3", "x") : std::string(":1\r\n");
  });
  EXPECT_THAT(redis.of("ZADD"),
              Contains(ElementsAre("ZADD", keys.index("t"), "XX", "1700000001000", "!")));
  EXPECT_THAT(redis.of("ZREM"), ElementsAre(ElementsAre("ZREM", keys.index("t"), "a")));
  EXPECT_THAT(scores(), ElementsAre("40.75", "3.5"));
  EXPECT_EQ(redis.sent.back()[0], "PEXPIRE");
}

TEST_F(HistoryWriterTest, AnIndexThatHasGoneIsMadeAnew) {
  write(1);
  redis.answer([](const Words& words) {
    return words[0] == "PEXPIRE" ? std::string(":0\r\n") : std::string(":1\r\n");
  });
  redis.forget_sent();
  write(2);
  EXPECT_THAT(scores(), ElementsAre("2.5"));
}

TEST_F(HistoryWriterTest, WhatItKnowsOfSourcesIsBounded) {
  for (std::size_t i = 0; i < HistoryWriter::sources_max + 10; ++i) {
    write(1, false, "s" + std::to_string(i));
    if (i % 1'000 == 0) redis.forget_sent();
  }
  EXPECT_THAT(scores(), Contains("1.75"));
}

}  // namespace
}  // namespace zws
