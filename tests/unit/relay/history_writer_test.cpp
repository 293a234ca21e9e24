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

  void write(std::uint64_t seq, bool restart = false, const std::string& source = "a") {
    Sent sent{"t", source, seq};
    sent.restart = restart;
    sent.frame_bytes = 20;
    writer.write(make_event(sent, clock.steady()));
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
  EXPECT_THAT(redis.sent[0], ElementsAre("ZADD", keys.index("t"), "NX", "1699999999998", "*"));
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
  EXPECT_THAT(expiries, Contains(ElementsAre("PEXPIRE", keys.stream("t", "a"), "360000")));
  write(3);
  EXPECT_THAT(scores(), ElementsAre("1.5", "2.75", "3.5"));
}

TEST_F(HistoryWriterTest, AllAreClosedAtTheEnd) {
  write(1);
  write(4, false, "b");
  writer.close_all();
  EXPECT_THAT(scores(), ElementsAre("1.5", "4.5", "1.75", "4.75"));
}

TEST_F(HistoryWriterTest, WhatIsThereAlreadyIsNeitherWrittenNorLost) {
  write(1);
  redis.answer([](const Words& words) {
    return words[0] == "XADD" ? std::string(
                                    "-ERR The ID specified in XADD is equal or smaller than the "
                                    "target stream top item\r\n")
                              : std::string(":1\r\n");
  });
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

TEST_F(HistoryWriterTest, ASourceThatBeginsAgainIsNotKept) {
  write(5);
  write(1, true);
  write(2);
  EXPECT_THAT(redis.of("XADD"), SizeIs(1));
  EXPECT_THAT(scores(), ElementsAre("5.5", "+inf"));
  clock.advance(seconds(2));
  writer.tick();
  EXPECT_THAT(scores(), ElementsAre("5.5", "+inf"));
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
              Contains(ElementsAre("ZADD", keys.index("t"), "1700000000000", "!")));
  EXPECT_THAT(redis.of("ZREM"), ElementsAre(ElementsAre("ZREM", keys.index("t"), "b", "c")));
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
