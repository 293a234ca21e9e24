// Sources: what is new, what was missed, what came twice, who began again (docs/DELIVERY.md).
#include "exchange/source_table.hpp"

#include <gmock/gmock.h>

#include "core/topic.hpp"
#include "support/short_memory.hpp"

namespace zws {
namespace {

class SourceTableTest : public ::testing::Test {
 protected:
  struct Verdict {
    std::string source;
    std::uint64_t seq = 0;
    std::uint64_t missed_from = 0;
    bool duplicate = false;
    bool restart = false;
    bool forgot = false;
    bool forgot_first = false;
    std::uint32_t topic_id = 0;
    const Route* route = nullptr;
  };

  Verdict judge(const std::string& topic, const std::string& source = {}, std::uint64_t seq = 0,
                std::int64_t sent_ns = 0) {
    Arrival arrival;
    arrival.topic = topic;
    arrival.source = source;
    arrival.seq = seq;
    arrival.sent_ns = sent_ns;
    const Judgement its = table_.judge(arrival, topic_hash(topic), now_);
    return {std::string(its.source), its.seq,      its.missed_from,
            its.duplicate,           its.restart,  its.forgot,
            its.forgot_first,        its.topic_id, its.route};
  }

  static Config small() {
    Config config;
    config.limits.topics = 3;
    config.limits.sources_per_topic = 2;
    return config;
  }

  SteadyTime now_{std::chrono::hours(1)};
  std::uint64_t seq_ = 0;
  Config config_ = small();
  RouteTable routes_{config_};
  Topics topics_;
  PatternLanes patterns_;
  SourceTable table_{"own", config_, routes_, topics_, patterns_};
};

TEST_F(SourceTableTest, WhatIsKnownOfSourcesCanBeListed) {
  judge("a");
  judge("a", "p", 1, 10);
  now_ += std::chrono::seconds(1);
  judge("a", "p", 4, 20);
  judge("a", "p", 4, 20);
  judge("b", "q", 7);
  std::vector<KnownSource> all;
  for (const char* topic : {"a", "c", "b"}) table_.list(topic, now_, all);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].src, "own");
  EXPECT_TRUE(all[0].own);
  EXPECT_EQ(all[0].seq, 1U);
  EXPECT_EQ(all[1].topic, "a");
  EXPECT_EQ(all[1].src, "p");
  EXPECT_FALSE(all[1].own);
  EXPECT_EQ(all[1].seq, 4U);
  EXPECT_EQ(all[1].missed, 2U) << "2 and 3; what comes twice is none";
  EXPECT_EQ(all[1].heard, now_);
  EXPECT_EQ(all[2].missed, 0U) << "what was before the first is not known";
  judge("a", "p", 9, 30);
  judge("a", "p", 1, 40);
  all.clear();
  table_.list("a", now_, all);
  EXPECT_EQ(all[1].seq, 1U);
  EXPECT_EQ(all[1].missed, 0U) << "it began again";
}

TEST_F(SourceTableTest, HeaderlessEventsAreNumberedForEachTopic) {
  for (std::uint64_t seq = 1; seq <= 3; ++seq) {
    const Verdict verdict = judge("a");
    EXPECT_EQ(verdict.source, "own");
    EXPECT_EQ(verdict.seq, seq);
    EXPECT_FALSE(verdict.duplicate);
  }
  EXPECT_EQ(judge("b").seq, 1U);
}

TEST_F(SourceTableTest, ASourceKeepsItsOwnNumbers) {
  const Verdict first = judge("a", "s", 1);
  EXPECT_EQ(first.source, "s");
  EXPECT_EQ(first.seq, 1U);
  EXPECT_EQ(judge("a", "s", 2).missed_from, 0U);
  EXPECT_EQ(judge("b", "s", 1).duplicate, false) << "each topic counts for itself";
}

TEST_F(SourceTableTest, AJumpTellsWhatIsMissing) {
  judge("a", "s", 1);
  const Verdict verdict = judge("a", "s", 5);
  EXPECT_EQ(verdict.missed_from, 2U);
  EXPECT_EQ(verdict.seq, 5U);
  EXPECT_EQ(judge("a", "s", 6).missed_from, 0U);
}

TEST_F(SourceTableTest, ANewSourceIsNoJumpWhereverItBegins) {
  EXPECT_EQ(judge("a", "s", 1000).missed_from, 0U);
  EXPECT_EQ(judge("a", "t", 7).missed_from, 0U);
}

TEST_F(SourceTableTest, WhatIsNotAboveTheNewestIsADuplicateAndMovesNothing) {
  judge("a", "s", 5, 100);
  for (const std::uint64_t seq : {5, 4, 2}) EXPECT_TRUE(judge("a", "s", seq, 200).duplicate);
  EXPECT_EQ(judge("a", "s", 6, 101).missed_from, 0U);
}

TEST_F(SourceTableTest, SeqOneSentLaterIsARestart) {
  judge("a", "s", 5, 100);
  const Verdict again = judge("a", "s", 1, 101);
  EXPECT_TRUE(again.restart);
  EXPECT_FALSE(again.duplicate);
  EXPECT_EQ(judge("a", "s", 2, 102).missed_from, 0U);
  EXPECT_TRUE(judge("a", "s", 2, 103).duplicate);
}

TEST_F(SourceTableTest, SeqOneSentNoLaterOrWhoKnowsWhenIsADuplicate) {
  judge("a", "s", 5, 100);
  EXPECT_TRUE(judge("a", "s", 1, 100).duplicate);
  EXPECT_TRUE(judge("a", "s", 1, 99).duplicate);
  EXPECT_TRUE(judge("a", "s", 1).duplicate);
}

TEST_F(SourceTableTest, AnEventWithoutATimeTakesNothingFromWhatIsKnownOfTheSource) {
  judge("a", "s", 1, 100);
  judge("a", "s", 2);
  EXPECT_TRUE(judge("a", "s", 1, 100).duplicate);
  EXPECT_TRUE(judge("a", "s", 1, 101).restart);
}

TEST_F(SourceTableTest, ARestartWhoseFirstEventWasLostIsSeenByTheThirdThatFollows) {
  judge("a", "s", 90, 100);
  EXPECT_TRUE(judge("a", "s", 2, 101).duplicate);
  EXPECT_TRUE(judge("a", "s", 3, 102).duplicate);
  const Verdict third = judge("a", "s", 4, 103);
  EXPECT_TRUE(third.restart);
  EXPECT_FALSE(third.duplicate);
  EXPECT_EQ(third.missed_from, 1U) << "what came before is told as missing";
  EXPECT_EQ(judge("a", "s", 5, 104).missed_from, 0U);
  EXPECT_TRUE(judge("a", "s", 5, 104).duplicate);
}

TEST_F(SourceTableTest, EventsThatComeAgainAreNoRestart) {
  judge("a", "s", 90, 100);
  for (std::uint64_t seq = 80; seq < 90; ++seq)
    EXPECT_TRUE(judge("a", "s", seq, static_cast<std::int64_t>(seq)).duplicate) << "sent before";
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(judge("a", "s", 7, 101 + i).duplicate) << "no rise";
  for (std::uint64_t seq = 9; seq > 4; --seq)
    EXPECT_TRUE(judge("a", "s", seq, 120 - static_cast<std::int64_t>(seq)).duplicate);
  EXPECT_TRUE(judge("a", "s", 8, 120).duplicate);
  EXPECT_TRUE(judge("a", "s", 9, 50).duplicate) << "and no row";
  EXPECT_TRUE(judge("a", "s", 10, 121).duplicate);
  EXPECT_TRUE(judge("a", "s", 11, 122).duplicate);
  EXPECT_FALSE(judge("a", "s", 91, 123).restart) << "it goes on after all";
  EXPECT_TRUE(judge("a", "s", 12, 124).duplicate);
}

TEST_F(SourceTableTest, ThatASourceIsForgottenIsSaidAndTheFirstTimeOnATopicMarked) {
  EXPECT_FALSE(judge("a", "s", 1).forgot);
  EXPECT_FALSE(judge("a", "t", 1).forgot);
  const Verdict first = judge("a", "u", 1);
  EXPECT_TRUE(first.forgot);
  EXPECT_TRUE(first.forgot_first);
  EXPECT_FALSE(judge("a", "u", 2).forgot);
  const Verdict second = judge("a", "v", 1);
  EXPECT_TRUE(second.forgot);
  EXPECT_FALSE(second.forgot_first);
  EXPECT_FALSE(judge("b", "s", 1).forgot);
}

TEST_F(SourceTableTest, TheSourceHeardFromLongestAgoIsForgotten) {
  judge("a", "s", 5);
  judge("a", "t", 5);
  judge("a", "s", 6);
  judge("a", "u", 1);  // two are held, so "t" goes
  EXPECT_TRUE(judge("a", "s", 6).duplicate);
  EXPECT_FALSE(judge("a", "t", 5).duplicate);
}

TEST_F(SourceTableTest, TheTopicHeardFromLongestAgoIsForgotten) {
  judge("a", "s", 1);
  judge("b", "s", 1);
  judge("c", "s", 1);
  judge("a", "s", 2);
  judge("d", "s", 1);  // three are held, so "b" goes
  EXPECT_EQ(table_.topics(), 3U);
  EXPECT_TRUE(judge("a", "s", 2).duplicate);
  EXPECT_FALSE(judge("b", "s", 1).duplicate);
}

TEST_F(SourceTableTest, KnownTopicsHaveTheLowestNumbersAndKeepThem) {
  for (const auto& [topic, id] : {std::pair("a", 0U), {"b", 1U}, {"c", 2U}, {"a", 0U}})
    EXPECT_EQ(judge(topic).topic_id, id);
  EXPECT_EQ(judge("d").topic_id, 3U);  // before b, heard from longest ago, is forgotten
  EXPECT_EQ(judge("e").topic_id, 1U);
  EXPECT_EQ(judge("a").topic_id, 0U);
  EXPECT_EQ(judge("b").topic_id, 2U);
}

TEST_F(SourceTableTest, AForgottenTopicIsNumberedUnderAnotherName) {
  const std::string before = judge("a").source;
  for (const char* topic : {"b", "c", "d"}) judge(topic);
  const Verdict after = judge("a");
  EXPECT_NE(after.source, before);
  EXPECT_EQ(after.seq, 1U);
  EXPECT_EQ(judge("a").source, after.source);
}

TEST_F(SourceTableTest, WhereAHistoryRanOutNumbersBeginAnewAndLossesAreStillSeen) {
  const std::string fleet(SourceTable::fleet);
  const std::string before = judge("a").source;
  judge("a", fleet);
  judge("b", "s", 5);
  now_ += config_.history.ttl;
  EXPECT_EQ(judge("a").seq, 2U) << "not yet";
  now_ += config_.history.ttl + Duration(1);
  const Verdict after = judge("a");
  EXPECT_NE(after.source, before);
  EXPECT_EQ(after.seq, 1U);
  EXPECT_EQ(judge("a", fleet).seq, 1U) << "a name of its own begins at 1, whatever it is for";
  const Verdict jumped = judge("b", "s", 9);
  EXPECT_EQ(jumped.missed_from, 6U);
}

TEST_F(SourceTableTest, ATopicThatIsHeldKeepsItsNumbers) {
  judge("a");
  topics_.pin("a", topic_hash("a"), now_);
  now_ += 9 * config_.history.ttl;
  EXPECT_EQ(judge("a").seq, 2U);
  topics_.unpin("a", topic_hash("a"));
  now_ += config_.history.ttl + Duration(1);
  topics_.pin("a", topic_hash("a"), now_);  // too late
  EXPECT_EQ(judge("a").seq, 1U);
}

TEST_F(SourceTableTest, AQuarterOfTheHistorysBytesIsAllItTakes) {
  config_.limits.topics = 1'000'000;
  config_.history.bytes = 32U << 20;
  table_.reload(config_, routes_);
  topics_.pin("held", topic_hash("held"), now_);
  judge("held", "s", 1);
  for (int i = 0; i < 200'000; ++i) {
    judge("import:7d1c9e40-" + std::to_string(i), "a-publisher-of-its-own", 1);
    ASSERT_LE(table_.bytes(), 8U << 20);
    ASSERT_EQ(table_.bytes(), topics_.source_bytes());
  }
  EXPECT_GT(table_.topics(), 19'000U);
  EXPECT_EQ(judge("held", "s", 3).missed_from, 2U) << "what a subscriber waits for is spared";
}

TEST_F(SourceTableTest, AReloadToASmallerHistoryKeepsWhatFits) {
  config_.limits.topics = 1'000'000;
  config_.history.bytes = 1024U << 20;
  table_.reload(config_, routes_);
  const auto topic = [](int i) { return "import:7d1c9e40-" + std::to_string(i); };
  for (int i = 0; i < 200'000; ++i) judge(topic(i), "a-publisher-of-its-own", 1);
  EXPECT_EQ(table_.topics(), 200'000U);

  config_.history.bytes = 16U << 20;
  table_.reload(config_, routes_);
  EXPECT_LE(table_.bytes(), 4U << 20) << "the tables shrink, too";
  EXPECT_GT(table_.topics(), 8'000U);
  const std::size_t kept = table_.topics();
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "new-" + std::to_string(i);
    judge(name, "s", 1);
    ASSERT_TRUE(judge(name, "s", 1).duplicate);
    ASSERT_GT(table_.topics(), kept / 2) << "a new topic costs few others";
  }
  EXPECT_TRUE(judge(topic(199'999), "a-publisher-of-its-own", 1).duplicate);
}

TEST_F(SourceTableTest, WhatAllSubscribersWaitForIsBoundedToo) {
  config_.limits.topics = 1'000'000;
  config_.history.bytes = 0;  // 4 MiB at least
  table_.reload(config_, routes_);
  for (int i = 0; i < 50'000; ++i) {
    const std::string topic = "import:7d1c9e40-" + std::to_string(i);
    topics_.pin(topic, topic_hash(topic), now_);
    judge(topic, "a-publisher-of-its-own", 1);
    ASSERT_LE(table_.bytes(), 4U << 20);
  }
}

TEST_F(SourceTableTest, EachTopicHasItsRouteAlsoAfterAReload) {
  EXPECT_EQ(judge("a").route, &routes_.match("a"));
  Config other = small();
  other.limits.topics = 2;
  other.routes.emplace_back();
  other.routes.back().match = "a";
  const RouteTable reloaded(other);
  table_.reload(other, reloaded);
  EXPECT_EQ(judge("a").route, &reloaded.match("a"));
  judge("b");
  judge("c");
  EXPECT_EQ(table_.topics(), 2U);
}

TEST_F(SourceTableTest, AReloadAsksForNoTopicsRouteBeforeItsNextEvent) {
  judge("a");
  RouteTable reloaded(small());
  table_.reload(small(), reloaded);
  Config other = small();
  other.routes.emplace_back();
  other.routes.back().match = "a";
  reloaded = RouteTable(other);
  EXPECT_EQ(judge("a").route->match, "a") << "it was asked for at the reload";
}

TEST_F(SourceTableTest, ToForgetAfterAReloadTakesNoMemory) {
  Config many = small();
  many.limits.topics = 10;
  table_.reload(many, routes_);
  for (char topic = 'a'; topic < 'k'; ++topic) judge(std::string(1, topic), "s", 1);
  Config few = small();
  few.history.bytes = 1;
  table_.reload(few, routes_);
  ASSERT_EQ(table_.topics(), 3U);
  const std::string large(std::size_t{2} << 20, 's');  // two are more than there is room for
  for (const char* topic : {"h", "i"}) {
    Arrival arrival;
    arrival.topic = topic;
    arrival.source = large;
    arrival.seq = 1;
    const ShortMemory memory(2);  // for the name, and the list of sources
    table_.judge(arrival, topic_hash(topic), now_);
  }
  EXPECT_LT(table_.topics(), 3U);
}

TEST_F(SourceTableTest, WhatFailsForWantOfMemoryLeavesTheSumRight) {
  SourceTable& short_of_it = table_;
  Topics topics;
  SourceTable other("own", config_, routes_, topics, patterns_);
  const auto come = [this](SourceTable& table, std::string_view source, std::uint64_t connection) {
    Arrival arrival;
    arrival.topic = "a";
    arrival.source = source;
    arrival.seq = ++seq_;
    arrival.connection = connection;
    table.judge(arrival, topic_hash("a"), now_);
  };
  for (std::uint64_t connection = 1; connection < 9; ++connection) {
    table_.watch().opened(connection);
    other.watch().opened(connection);
  }
  int failed = 0;
  for (const char* source :
       {"a source with a name", "another with a long name", "and one more name"}) {
    for (std::uint64_t connection = 1; connection < 9; ++connection) {
      for (std::size_t passed = 0; passed < 6; ++passed) {
        try {
          const ShortMemory memory(passed);
          come(short_of_it, source, connection);
        } catch (const std::bad_alloc&) {
          ++failed;
        }
      }
      come(other, source, connection);
    }
  }
  EXPECT_GT(failed, 5);
  Config one = small();
  one.limits.topics = 1;
  for (SourceTable* table : {&short_of_it, &other}) {
    table->reload(one, routes_);
    Arrival last;
    last.topic = "z";
    table->judge(last, topic_hash("z"), now_);
  }
  EXPECT_EQ(short_of_it.bytes(), other.bytes()) << "the topic for which some failed is gone";
}

}  // namespace
}  // namespace zws
