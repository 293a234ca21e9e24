#include "relay/history_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "unit/exchange/stage.hpp"
#include "unit/relay/redis_answers.hpp"

namespace zws {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::IsEmpty;
using testing::SizeIs;
using Words = RedisAnswers::Words;

constexpr std::int64_t now_ms = 1'700'000'000'000;

class HistoryReaderTest : public testing::Test {
 protected:
  HistoryReaderTest() {
    clock.set_wall(WallTime(milliseconds(now_ms)));
    index["*"] = std::to_string(now_ms - 3'600'000);
    reader.set_up(true);
  }

  // Events of `source` that lie there.
  void kept(const std::string& source, std::uint64_t from, std::uint64_t to,
            std::int64_t age_ms = 10'000) {
    for (std::uint64_t seq = from; seq <= to; ++seq) {
      const std::string id = source + ":" + std::to_string(seq);
      streams[source][seq] = {"f", R"({"type":"x","topic":"t","@id":")" + id + "\"}", "t",
                              std::to_string(now_ms - age_ms)};
    }
  }

  std::string answer(const Words& words) {
    if (words[0] == "DEL") return refusal.empty() ? ":0\r\n" : refusal;
    if (words[0] == "GET") return lost.empty() ? "$-1\r\n" : bulk(lost);
    if (words[0] == "ZRANGE") {
      Words members;
      for (const auto& [name, score] : index) members.insert(members.end(), {name, score});
      return texts(members);
    }
    if (words[0] != "XREVRANGE") return ":1\r\n";
    const std::string source = words[1].substr(words[1].rfind(':') + 1);
    const std::uint64_t top = words[2] == "+" ? ~std::uint64_t{0} : std::stoull(words[2].substr(2));
    std::vector<std::string> entries;
    const auto& stream = streams[source];
    for (auto each = stream.rbegin();
         each != stream.rend() && entries.size() < std::stoull(words[5]); ++each)
      if (each->first <= top)
        entries.push_back(array({bulk("0-" + std::to_string(each->first)), texts(each->second)}));
    return array(entries);
  }
  void answer_all() {
    redis.answer([this](const Words& words) { return answer(words); });
  }

  // What comes into the exchange when somebody asks for t.
  void read(const std::string& topic = "t") {
    reader.read({topic}, [this] { ++done; });
    answer_all();
  }

  Config config;
  FakeClock clock;
  RelayMetrics metrics;
  RedisAnswers redis;
  std::map<std::string, std::string> index;
  std::map<std::string, std::map<std::uint64_t, Words>> streams;
  std::string lost;
  std::string refusal;
  std::vector<Past> filled;
  std::vector<std::string> closed;
  int done = 0;
  HistoryReader reader{
      config,
      {[this](const Words& words, HistoryReader::Done then) {
         return redis.send(words, std::move(then));
       },
       [this](const Past& past) {
         filled.push_back(past);
         return true;
       },
       [this](const std::string&, const std::string& source, std::uint64_t newest) {
         closed.push_back(source + ":" + std::to_string(newest));
       }},
      metrics,
      clock};
};

TEST_F(HistoryReaderTest, ATopicIsReadWithAllItsSources) {
  index["a"] = "40.75";
  index["b"] = "2.5";
  kept("a", 3, 40);
  kept("b", 1, 3);
  read();
  EXPECT_EQ(done, 1);
  ASSERT_THAT(filled, SizeIs(1));
  const auto& sources = filled[0].sources;
  ASSERT_THAT(sources, SizeIs(2));
  ASSERT_THAT(sources[0].events, SizeIs(38));
  EXPECT_EQ(sources[0].events.front()->seq(), 3U);
  EXPECT_EQ(sources[0].newest, 40U);
  EXPECT_EQ(sources[1].newest, 3U);
  EXPECT_EQ(filled[0].known_since, clock.steady() - std::chrono::hours(1));
  EXPECT_EQ(filled[0].sources[0].events.front()->received(), clock.steady() - seconds(10));
  // Sent in the very millisecond in which it was heard, it was sent before that ended.
  EXPECT_EQ(sources[0].newest_ns, (now_ms - 10'000) * 1'000'000 + 999'999);
}

TEST_F(HistoryReaderTest, AllWhoAskAtATimeAreAnsweredByOneReading) {
  index["a"] = "2.75";
  kept("a", 1, 2);
  for (int i = 0; i < 100; ++i) reader.read({"t"}, [this] { ++done; });
  EXPECT_TRUE(reader.may_know("t"));
  answer_all();
  EXPECT_EQ(done, 100);
  EXPECT_THAT(filled, SizeIs(1));
  EXPECT_FALSE(reader.may_know("t"));
  clock.advance(HistoryReader::not_again + seconds(1));
  EXPECT_TRUE(reader.may_know("t"));
}

TEST_F(HistoryReaderTest, ARedisThatRefusesAllThatIsWrittenIsNotBelieved) {
  index["a"] = "2.75";
  kept("a", 1, 2);
  refusal = "-NOREPLICAS Not enough good replicas to write.\r\n";
  read();
  EXPECT_EQ(done, 1);
  EXPECT_THAT(filled, IsEmpty());
  EXPECT_TRUE(reader.may_know("t"));  // it may take them again soon
  refusal.clear();
  read();
  EXPECT_THAT(filled, SizeIs(1));
}

TEST_F(HistoryReaderTest, WhatMayBeUnderWayIsHeldBackAMoment) {
  index["a"] = "2.5";
  kept("a", 1, 2, 100);
  read();
  EXPECT_THAT(filled, IsEmpty());
  clock.advance(milliseconds(200));
  reader.tick();
  EXPECT_THAT(filled, IsEmpty());
  clock.advance(milliseconds(60));
  reader.tick();
  EXPECT_THAT(filled, SizeIs(1));
  EXPECT_EQ(done, 1);
}

TEST_F(HistoryReaderTest, TheRunOfASourceEndsAtAHole) {
  index["a"] = "9.75";
  kept("a", 1, 9);
  streams["a"].erase(5);
  read();
  ASSERT_THAT(filled, SizeIs(1));
  EXPECT_EQ(filled[0].sources[0].events.front()->seq(), 6U);
}

TEST_F(HistoryReaderTest, WhatIsMissingAtTheEndIsKnownToBeMissing) {
  index["a"] = "9.75";
  kept("a", 1, 7);
  read();
  ASSERT_THAT(filled, SizeIs(1));
  EXPECT_EQ(filled[0].sources[0].newest, 9U);
  EXPECT_EQ(filled[0].sources[0].events.back()->seq(), 7U);
}

TEST_F(HistoryReaderTest, ASourceThatMayHaveGoneOnAndIsNotThereSpoilsItsTopic) {
  index["a"] = "2.75";
  index["b"] = "2.5";
  kept("a", 1, 2);
  read();
  EXPECT_EQ(done, 1);
  EXPECT_THAT(filled, IsEmpty());
  index["b"] = "2.75";
  read();
  EXPECT_THAT(filled, SizeIs(1));
}

TEST_F(HistoryReaderTest, ASourceWhoseBridgeDiedIsClosed) {
  index["a"] = "1.5";
  kept("a", 1, 3, 61'000);
  read();
  EXPECT_THAT(closed, testing::ElementsAre("a:3"));
}

TEST_F(HistoryReaderTest, AnIndexThatSaysNothingOfItsBeginningIsNotUsed) {
  index["a"] = "2.75";
  index.erase("*");
  kept("a", 1, 2);
  read();
  EXPECT_THAT(filled, IsEmpty());
  EXPECT_EQ(done, 1);
}

TEST_F(HistoryReaderTest, WhatIsInTheIndexAndIsNoneOfItIsNotUsed) {
  kept("a", 1, 2);
  for (const char* score : {"inf", "-1", "0", "nan", "1e300"}) {
    index["a"] = score;
    read();
    EXPECT_THAT(filled, IsEmpty()) << score;
  }
  index["a"] = "2.75";
  index["not a source"] = "3.75";
  read();
  EXPECT_THAT(filled, SizeIs(1));
  EXPECT_THAT(filled[0].sources, SizeIs(1));
  EXPECT_EQ(metrics.unreadable.value(), 1U);
}

TEST_F(HistoryReaderTest, WhenEventsWereLostIsPassedOn) {
  index["a"] = "2.75";
  kept("a", 1, 2);
  lost = std::to_string(now_ms - 5'000);
  index["!"] = std::to_string(now_ms - 9'000);
  read();
  ASSERT_THAT(filled, SizeIs(1));
  EXPECT_EQ(filled[0].forgotten, clock.steady() - seconds(5));
  lost = "garbage";
  read();
  EXPECT_THAT(filled, SizeIs(1));
}

TEST_F(HistoryReaderTest, WhereTheConnectionBreaksWhoWaitsIsAnsweredAndMayAskAgain) {
  reader.read({"t"}, [this] { ++done; });
  redis.break_off();
  EXPECT_EQ(done, 1);
  EXPECT_TRUE(reader.may_know("t"));
  redis.up = false;
  reader.read({"t", "u"}, [this] { ++done; });
  EXPECT_EQ(done, 2);
  reader.set_up(false);
  EXPECT_FALSE(reader.may_know("t"));
}

TEST_F(HistoryReaderTest, WhoWaitsWaitsSoLongAtMost) {
  reader.read({"t"}, [this] { ++done; });
  clock.advance(HistoryReader::time_max + milliseconds(1));
  reader.tick();
  EXPECT_EQ(done, 1);
  answer_all();
  EXPECT_EQ(done, 1);
}

TEST_F(HistoryReaderTest, SoManyAreReadAtATime) {
  std::vector<std::string> topics;
  for (std::size_t i = 0; i < 3 * HistoryReader::reading_max; ++i)
    topics.push_back("t" + std::to_string(i));
  reader.read(topics, [this] { ++done; });
  EXPECT_THAT(redis.of("ZRANGE"), SizeIs(HistoryReader::reading_max));
  answer_all();
  EXPECT_THAT(redis.of("ZRANGE"), SizeIs(3 * HistoryReader::reading_max));
  EXPECT_EQ(done, 1);
}

TEST_F(HistoryReaderTest, NoMoreIsReadThanCanBeSent) {
  config.limits.replay_events = 25;
  reader.reload(config);
  index["a"] = "100.75";
  kept("a", 1, 100);
  read();
  ASSERT_THAT(filled, SizeIs(1));
  EXPECT_THAT(filled[0].sources[0].events, SizeIs(26));  // one to stand at
}

}  // namespace
}  // namespace zws
