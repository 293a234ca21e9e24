// What an archive kept of a topic comes into the history: only where it joins, and never so that something
// is said to be whole that is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "exchange/history.hpp"
#include "exchange/past.hpp"
#include "unit/exchange/stage.hpp"

namespace zws {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<std::string> refused{"not recovered"};

class FillTest : public testing::Test {
 protected:
  FillTest() { clock.advance(std::chrono::hours(1)); }

  History& history() {
    if (!history_)
      history_ = std::make_unique<History>(std::make_shared<Config>(config), topics, clock);
    return *history_;
  }

  void publish(std::string_view source, std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t seq = from; seq <= to; ++seq)
      history().record(make_event({"t", std::string(source), seq}, clock.steady()));
  }

  // Events `from` to `to` of a source, the newest of them `age` ago, a millisecond apart.
  PastSource past(std::string_view source, std::uint64_t from, std::uint64_t to,
                  SteadyTime::duration age = seconds(10)) {
    PastSource made;
    made.name = source;
    made.newest = to;
    for (std::uint64_t seq = from; seq <= to; ++seq) {
      const Sent sent{"t", std::string(source), seq, key_of(seq)};
      Event::Fields fields =
          fields_of(sent, clock.steady() - age - milliseconds(static_cast<std::int64_t>(to - seq)));
      if (keys != 0) fields.overflow = Overflow::conflate;
      const std::string frame = "t@" + std::string(source) + ':' + std::to_string(seq);
      made.events.push_back(Event::make(fields, std::vector<std::string_view>{frame}));
    }
    return made;
  }

  bool fill(std::vector<PastSource> sources, std::vector<std::uint64_t> heard = {},
            SteadyTime::duration known_for = std::chrono::hours(1),
            std::optional<SteadyTime> forgotten = std::nullopt) {
    Past all;
    all.topic = "t";
    all.known_since = clock.steady() - known_for;
    all.forgotten = forgotten;
    all.sources = std::move(sources);
    for (const PastSource& each : all.sources)
      if (heard.size() < all.sources.size()) heard.push_back(history().newest("t", each.name));
    return history().fill(all, heard);
  }

  std::vector<std::string> recover(const std::vector<std::string>& since) {
    const Recovery recovery = history().recover("t", at(since), 1000, std::size_t{1} << 30);
    if (!recovery.recovered) return refused;
    std::vector<std::string> ids;
    for (const EventPtr& event : recovery.events)
      ids.push_back(Position{std::string(event->source()), event->seq()}.text());
    return ids;
  }

  std::string key_of(std::uint64_t seq) const {
    return keys == 0 ? std::string() : "k" + std::to_string(seq % keys);
  }

  Config config;
  FakeClock clock;
  Topics topics;
  std::uint64_t keys = 0;

 private:
  std::unique_ptr<History> history_;
};

TEST_F(FillTest, AColdTopicIsResumedFromWhatWasKept) {
  EXPECT_TRUE(fill({past("a", 3, 6)}));
  EXPECT_THAT(recover({"a:4"}), ElementsAre("a:5", "a:6"));
  EXPECT_THAT(recover({"a:6"}), IsEmpty());
  EXPECT_EQ(recover({"a:1"}), refused);
  EXPECT_EQ(recover({"a:7"}), refused);
  EXPECT_EQ(recover({}), refused);
}

TEST_F(FillTest, WhatIsOlderIsPutInFrontOfWhatWasHeard) {
  publish("a", 5, 7);
  EXPECT_EQ(recover({"a:2"}), refused);
  EXPECT_TRUE(fill({past("a", 2, 6)}));
  EXPECT_THAT(recover({"a:2"}), ElementsAre("a:3", "a:4", "a:5", "a:6", "a:7"));
  publish("a", 8, 8);
  EXPECT_THAT(recover({"a:6"}), ElementsAre("a:7", "a:8"));
}

TEST_F(FillTest, WhatIsOlderIsSweptInItsOwnTime) {
  publish("a", 5, 7);
  history().sweep();  // nothing of it is due for a while
  EXPECT_TRUE(fill({past("a", 2, 4, seconds(30))}));
  const std::size_t before = history().bytes();
  clock.advance(config.history.ttl - seconds(20));
  history().sweep();
  EXPECT_LT(history().bytes(), before);
}

TEST_F(FillTest, AHoleBetweenTheTwoStaysOne) {
  publish("a", 8, 9);
  EXPECT_FALSE(fill({past("a", 2, 6)}));
  EXPECT_EQ(recover({"a:5"}), refused);
  EXPECT_THAT(recover({"a:7"}), ElementsAre("a:8", "a:9"));
}

TEST_F(FillTest, WhatTheArchiveHasAndTheBridgeHasNotHeardIsToCome) {
  publish("a", 5, 6);
  EXPECT_TRUE(fill({past("a", 3, 9)}));
  EXPECT_THAT(recover({"a:3"}), ElementsAre("a:4", "a:5", "a:6"));
  publish("a", 7, 9);
  EXPECT_THAT(recover({"a:3"}), ElementsAre("a:4", "a:5", "a:6", "a:7", "a:8", "a:9"));
}

TEST_F(FillTest, AForgottenSourceGoesOnWhereTheBridgeHasHeardIt) {
  EXPECT_TRUE(fill({past("a", 1, 9)}, {7}));
  EXPECT_THAT(recover({"a:5"}), ElementsAre("a:6", "a:7"));
  EXPECT_EQ(recover({"a:8"}), refused);
}

TEST_F(FillTest, NobodyResumesFromWhatTheArchiveLacksAtItsEnd) {
  PastSource lagging = past("a", 1, 6);
  lagging.newest = 8;
  EXPECT_TRUE(fill({lagging}));
  EXPECT_EQ(recover({"a:6"}), refused);
  EXPECT_THAT(recover({"a:8"}), IsEmpty());
}

TEST_F(FillTest, ASourceThatTheClientDoesNotKnowIsAllHereOrMissing) {
  EXPECT_TRUE(fill({past("a", 4, 6), past("b", 1, 2, seconds(5))}));
  EXPECT_THAT(recover({"a:5"}), ElementsAre("a:6", "b:1", "b:2"));
  fill({past("c", 2, 3)});
  EXPECT_EQ(recover({"a:5"}), refused);
}

TEST_F(FillTest, SourcesComeInTheOrderInWhichTheyWereHeard) {
  fill({past("a", 1, 2, seconds(5)), past("b", 1, 2, seconds(9)), past("c", 1, 1, seconds(7))});
  EXPECT_THAT(recover({"a:0", "b:1"}), testing::Not(ElementsAre(refused[0])));
  EXPECT_THAT(recover({"a:1", "b:1"}), ElementsAre("b:2", "c:1", "a:2"));
}

TEST_F(FillTest, ALaterReadingComesInFrontOfAnEarlierOne) {
  publish("a", 9, 9);
  fill({past("a", 7, 9)});
  EXPECT_TRUE(fill({past("a", 3, 9), past("b", 1, 1, seconds(60))}));
  EXPECT_THAT(recover({"a:5"}), ElementsAre("b:1", "a:6", "a:7", "a:8", "a:9"));
}

TEST_F(FillTest, NothingIsToldTwiceOrTakenTwice) {
  publish("a", 3, 6);
  EXPECT_TRUE(fill({past("a", 1, 6)}));
  EXPECT_FALSE(fill({past("a", 1, 6)}));
  EXPECT_THAT(recover({"a:1"}), ElementsAre("a:2", "a:3", "a:4", "a:5", "a:6"));
}

TEST_F(FillTest, ItKeepsTheBoundsOfItsTopic) {
  config.history.size = 4;
  publish("a", 9, 10);
  EXPECT_TRUE(fill({past("a", 1, 10)}));
  EXPECT_EQ(recover({"a:5"}), refused);
  EXPECT_THAT(recover({"a:6"}), ElementsAre("a:7", "a:8", "a:9", "a:10"));
  publish("a", 11, 11);
  EXPECT_EQ(recover({"a:6"}), refused);
}

TEST_F(FillTest, ItKeepsItsTrueAge) {
  config.history.ttl = minutes(5);
  EXPECT_TRUE(fill({past("a", 1, 3, minutes(4))}));
  EXPECT_THAT(recover({"a:1"}), ElementsAre("a:2", "a:3"));
  topics.pin("t", topic_hash("t"), clock.steady());
  clock.advance(seconds(61));
  EXPECT_EQ(recover({"a:1"}), refused);
  EXPECT_THAT(recover({"a:3"}), IsEmpty());
}

TEST_F(FillTest, WhatIsPastItsAgeIsNotTakenUp) {
  config.history.ttl = minutes(5);
  EXPECT_TRUE(fill({past("a", 1, 3, minutes(6))}));
  EXPECT_EQ(recover({"a:2"}), refused);
  EXPECT_THAT(recover({"a:3"}), IsEmpty());
}

TEST_F(FillTest, NothingInFrontIsYoungerThanWhatFollows) {
  config.history.ttl = minutes(5);
  publish("a", 5, 5);
  clock.advance(minutes(2));
  fill({past("a", 3, 5, seconds(0)), past("b", 1, 1, seconds(0))});
  EXPECT_THAT(recover({"a:3"}), ElementsAre("a:4", "b:1", "a:5"));
  clock.advance(minutes(3) + seconds(1));
  EXPECT_THAT(history().newest(pattern("t"), 10, std::size_t{1} << 30), IsEmpty());
}

TEST_F(FillTest, TheBytesThatItTakesAreCountedAndBounded) {
  config.history.bytes = 20'000;
  publish("a", 90, 91);
  fill({past("a", 1, 91)});
  EXPECT_LE(history().bytes(), config.history.bytes);
  for (int i = 0; i < 100; ++i) {
    clock.advance(milliseconds(1));
    history().record(make_event(
        {"other", "o", static_cast<std::uint64_t>(i) + 1, "", false, false, 300}, clock.steady()));
    ASSERT_LE(history().bytes(), config.history.bytes);
  }
  // What was filled in went first.
  EXPECT_EQ(recover({"a:50"}), refused);
}

TEST_F(FillTest, OfAConflatedTopicTheNewestOfEachKey) {
  RouteConfig route;
  route.match = "t";
  route.overflow = Overflow::conflate;
  config.routes.push_back(route);
  keys = 3;
  history().record(make_event({"t", "a", 9, "k0"}, clock.steady()));
  EXPECT_TRUE(fill({past("a", 1, 9)}));
  EXPECT_THAT(recover({"a:2"}), ElementsAre("a:7", "a:8", "a:9"));
  history().record(make_event({"t", "a", 10, "k1"}, clock.steady()));
  EXPECT_THAT(recover({"a:2"}), ElementsAre("a:8", "a:9", "a:10"));
}

TEST_F(FillTest, WhatIsPutInFrontKeepsItsKeyAndItsRuleThoughItsTimeHasToChange) {
  RouteConfig route;
  route.match = "t";
  route.overflow = Overflow::conflate;
  config.routes.push_back(route);
  keys = 3;
  history().record(make_event({"t", "a", 9, "k0"}, clock.steady()));
  clock.advance(minutes(2));
  ASSERT_TRUE(fill({past("a", 1, 9, seconds(0))}));
  for (const EventPtr& each : history().newest(pattern("t"), 10, std::size_t{1} << 30))
    EXPECT_TRUE(each->seq() == 9 || each->overflow() == Overflow::conflate) << each->seq();
  history().record(make_event({"t", "a", 10, "k1"}, clock.steady()));
  EXPECT_THAT(recover({"a:2"}), ElementsAre("a:8", "a:9", "a:10"));
}

TEST_F(FillTest, AConflatedTopicThatIsFullHasLostKeys) {
  RouteConfig route;
  route.match = "t";
  route.overflow = Overflow::conflate;
  route.history = 2;
  config.routes.push_back(route);
  keys = 3;
  fill({past("a", 1, 9)});
  EXPECT_EQ(recover({"a:5"}), refused);
  EXPECT_THAT(recover({"a:7"}), ElementsAre("a:8", "a:9"));
}

TEST_F(FillTest, ARawTopicAndOneWithoutHistoryTakeNothing) {
  RouteConfig route;
  route.match = "t";
  route.format = EventFormat::raw;
  config.routes.push_back(route);
  EXPECT_FALSE(fill({past("a", 1, 3)}));
}

TEST_F(FillTest, WhoWasThereBeforeTheArchiveKnewAllSourcesIsRefused) {
  // It knows of all sources for eight milliseconds before the newest event: since a:3.
  EXPECT_TRUE(fill({past("a", 1, 10)}, {}, seconds(10) + milliseconds(8)));
  EXPECT_EQ(recover({"a:2"}), refused);
  EXPECT_THAT(recover({"a:9"}), ElementsAre("a:10"));
}

TEST_F(FillTest, ASourceThatEndedBeforeTheArchiveKnewAllSourcesProvesNothing) {
  EXPECT_TRUE(fill({past("a", 1, 3, seconds(10)), past("b", 1, 1, seconds(1))}, {}, seconds(4)));
  EXPECT_EQ(recover({"a:3"}), refused);  // another may have spoken between the two
  EXPECT_THAT(recover({"a:3", "b:1"}), IsEmpty());
}

TEST_F(FillTest, WhoWasThereBeforeSourcesWereTakenOutOfTheArchiveIsRefused) {
  EXPECT_TRUE(
      fill({past("a", 1, 3, seconds(10))}, {}, std::chrono::hours(1), clock.steady() - seconds(8)));
  EXPECT_EQ(recover({"a:1"}), refused);
  EXPECT_EQ(recover({"a:3"}),
            refused);  // nor does it help to stand at the end: another may have spoken
}

TEST_F(FillTest, WhatOnlyThisBridgeKeptAndForgotIsNotMadeUpFor) {
  config.history.ttl = seconds(1);
  history().set_own_source("own");
  publish("own", 1, 1);
  clock.advance(seconds(2));
  history().sweep();
  config.history.ttl = minutes(5);
  history().reload(std::make_shared<Config>(config));
  EXPECT_TRUE(fill({past("a", 1, 5)}));
  EXPECT_EQ(recover({"a:3"}), refused);
}

TEST_F(FillTest, WhatTheArchiveKeptTooMayBeForgottenHere) {
  config.limits.topics = 1;
  publish("a", 1, 5);
  history().record(make_event({"other", "o", 1}, clock.steady()));
  EXPECT_EQ(recover({"a:3"}), refused);
  EXPECT_TRUE(fill({past("a", 1, 5)}, {5}));
  EXPECT_THAT(recover({"a:3"}), ElementsAre("a:4", "a:5"));
}

TEST_F(FillTest, APatternIsNotProvenByATopicThatWasFilledIn) {
  const auto asked = [&] {
    return history().recover(pattern("t*"), {{"t", at({"a:5"})}}, 100, all).recovered;
  };
  EXPECT_TRUE(fill({past("a", 3, 6)}));
  EXPECT_FALSE(asked());  // of another topic that begins like it something may have been missed
  publish("a", 7, 7);
  EXPECT_FALSE(asked());
  EXPECT_TRUE(history().recover(pattern("t*"), {{"t", at({"a:7"})}}, 100, all).recovered);
}

TEST_F(FillTest, WhereOthersHeardWhatCameBeforeAPatternTakesOneWhoWasThereLater) {
  history().heard_elsewhere();
  publish("a", 6, 7);
  EXPECT_FALSE(history().recover(pattern("t*"), {{"t", at({"a:5"})}}, 100, all).recovered);
  EXPECT_TRUE(history().recover(pattern("t*"), {{"t", at({"a:6"})}}, 100, all).recovered);
}

TEST_F(FillTest, NothingJoinsWhereTheTopicHoldsMoreThanCanBeSeen) {
  config.history.size = 50'000;
  config.limits.sources_per_topic = 2;
  publish("gone", 1, 1);
  publish("a", 1, 1);
  publish("b", 5, 20'010);  // for which the first was forgotten; its event is here still
  EXPECT_FALSE(fill({past("gone", 1, 3)}));
  config.limits.sources_per_topic = 4;
  history().reload(std::make_shared<Config>(config));
  EXPECT_FALSE(fill({past("c", 1, 3)}));      // one that is behind them all is not found
  EXPECT_TRUE(fill({past("b", 1, 20'010)}));  // but this is
}

TEST_F(FillTest, TooManySourcesAreNotTakenUpAtAll) {
  config.limits.sources_per_topic = 2;
  publish("a", 1, 2);
  EXPECT_FALSE(fill({past("b", 1, 1), past("c", 1, 1)}));
  EXPECT_THAT(recover({"a:1"}), ElementsAre("a:2"));
}

TEST_F(FillTest, ATopicOfWhichNothingIsLeftStaysForWhoCameForIt) {
  config.history.ttl = minutes(5);
  fill({past("a", 1, 3, minutes(6))});
  topics.pin("t", topic_hash("t"), clock.steady());
  for (int i = 0; i < 100; ++i) {
    clock.advance(seconds(1));
    history().sweep();
  }
  EXPECT_THAT(recover({"a:3"}), IsEmpty());
}

TEST_F(FillTest, ATopicThatNobodyCameForIsForgotten) {
  config.history.ttl = minutes(5);
  fill({past("a", 1, 3, minutes(6))});
  EXPECT_EQ(history().topics(), 1U);
  for (int i = 0; i < 10; ++i) {
    clock.advance(seconds(1));
    history().sweep();
  }
  EXPECT_EQ(history().topics(), 0U);
}

// Two bridges: one has heard all and keeps it in an archive that is cut at random, the other begins at random
// and fills in. Whatever the second recovers is what was really sent; and what it has from then on is whole.
TEST_F(FillTest, NoScheduleMakesItClaimWhatIsNotSo) {
  for (unsigned seed = 1; seed <= 3'000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto upto = [&](unsigned most) {
      return std::uniform_int_distribution(0U, most)(random);
    };
    Config drawn;
    drawn.history.size = 2 + upto(20);
    Topics its_topics;
    History second(std::make_shared<Config>(drawn), its_topics, clock);
    struct Sent {
      std::string source;
      std::uint64_t seq;
      SteadyTime when;
    };
    std::vector<Sent> sent;
    std::map<std::string, std::uint64_t> newest;
    std::map<std::string, std::uint64_t> heard;
    std::vector<std::size_t> hears;  // of `sent`, by the second
    const std::size_t begins = upto(30);
    const std::size_t fills = begins + upto(10);
    for (std::size_t i = 0; i < 40; ++i) {
      clock.advance(milliseconds(1 + upto(3)));
      const std::string source(1, static_cast<char>('a' + upto(2)));
      sent.push_back({source, ++newest[source], clock.steady()});
      if (i >= begins && upto(9) != 0 && heard[source] < newest[source]) {
        if (heard[source] != 0 && heard[source] + 1 < newest[source])
          second.record(
              make_gap({"t", source, heard[source] + 1}, newest[source] - 1, clock.steady()));
        second.record(make_event({"t", source, newest[source]}, clock.steady()));
        heard[source] = newest[source];
        hears.push_back(i);
      }
      if (i != fills) continue;
      Past all;
      all.topic = "t";
      all.known_since = clock.steady() - std::chrono::hours(1);
      std::vector<std::uint64_t> heard_by;
      for (const auto& [name, last] : newest) {
        PastSource kept;
        kept.name = name;
        kept.newest = last;
        const std::uint64_t end = last - std::min<std::uint64_t>(last, upto(2));
        const std::uint64_t begin = 1 + upto(5);
        for (const Sent& each : sent) {
          if (each.source != name || each.seq < begin || each.seq > end) continue;
          kept.events.push_back(make_event({"t", name, each.seq}, each.when));
        }
        all.sources.push_back(std::move(kept));
        heard_by.push_back(heard[name]);
      }
      if (second.fill(all, heard_by))
        for (const auto& [name, last] : newest)
          if (heard[name] == 0) heard[name] = last;
    }
    // Where each client stands: after the first `n` that were sent.
    for (std::size_t n = 0; n <= sent.size(); ++n) {
      std::map<std::string, std::uint64_t> stands;
      for (std::size_t i = 0; i < n; ++i) stands[sent[i].source] = sent[i].seq;
      std::vector<Position> since;
      for (const auto& [name, seq] : stands) since.push_back({name, seq});
      const Recovery recovery = second.recover("t", since, 1000, std::size_t{1} << 30);
      if (!recovery.recovered) continue;
      std::map<std::string, std::uint64_t> at_end = stands;
      for (const EventPtr& event : recovery.events) {
        std::uint64_t& last = at_end[std::string(event->source())];
        ASSERT_EQ(event->seq(), last + 1) << "of " << event->source() << " after " << n;
        last = event->seq();
      }
      // All that the bridge has heard, or that the archive told of before.
      for (const auto& [name, last] : heard) {
        if (n >= fills || fills < sent.size()) {
          ASSERT_GE(at_end[name], last) << "of " << name << " after " << n;
        }
      }
    }
  }
}

}  // namespace
}  // namespace zws
