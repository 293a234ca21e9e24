#include "exchange/history.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/exchange/stage.hpp"

namespace zws {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class HistoryTest : public testing::Test {
 protected:
  History& history() {
    if (!history_)
      history_ = std::make_unique<History>(std::make_shared<Config>(config), topics, clock);
    return *history_;
  }

  void begin_anew() { history_.reset(); }
  void reload() { history().reload(std::make_shared<Config>(config)); }

  RouteConfig& route(std::string_view match) {
    config.routes.emplace_back();
    config.routes.back().match = match;
    return config.routes.back();
  }

  void publish(const Sent& sent) { history().record(make_event(sent, clock.steady())); }
  void publish(std::string_view topic, std::string_view source, std::uint64_t from,
               std::uint64_t to) {
    for (std::uint64_t seq = from; seq <= to; ++seq)
      publish({std::string(topic), std::string(source), seq});
  }
  void gap(std::string_view topic, std::string_view source, std::uint64_t from, std::uint64_t to) {
    history().record(make_gap({std::string(topic), std::string(source), from}, to, clock.steady()));
  }

  // The ids of what is recovered, or "not recovered".
  std::vector<std::string> recover(std::string_view topic, const std::vector<std::string>& since,
                                   std::size_t events_max = all, std::size_t bytes_max = all) {
    return shown(history().recover(topic, at(since), events_max, bytes_max), false);
  }
  std::vector<std::string> recover_all(std::string_view match,
                                       const std::vector<TopicPosition>& since,
                                       std::size_t events_max = all) {
    return shown(history().recover(pattern(match), since, events_max, all), true);
  }
  std::vector<std::string> newest(std::string_view match, std::size_t count,
                                  std::size_t bytes_max = all) {
    return names(history().newest(pattern(match), count, bytes_max), true);
  }
  std::vector<std::string> positions(std::string_view topic) {
    std::vector<std::string> texts;
    for (const Position& position : history().positions(topic))
      texts.push_back(history_->marks().read(position) ? "mark" : position.text());
    return texts;
  }
  // What `at` holds of a topic that nothing is known of.
  std::string mark(std::string_view topic) {
    const auto positions = history().positions(topic);
    EXPECT_THAT(positions, SizeIs(1));
    return positions.at(0).text();
  }

  Config config;
  FakeClock clock;
  Topics topics;

 private:
  static std::vector<std::string> shown(const Recovery& recovery, bool topics) {
    if (recovery.recovered) return names(recovery.events, topics);
    EXPECT_THAT(recovery.events, IsEmpty());
    return {"not recovered"};
  }

  std::unique_ptr<History> history_;
};

const auto not_recovered = ElementsAre("not recovered");

// ---- Resuming one topic

TEST_F(HistoryTest, WhatCameAfterSinceIsRecoveredInOrder) {
  publish("t", "a", 1, 5);
  EXPECT_THAT(recover("t", {"a:2"}), ElementsAre("a:3", "a:4", "a:5"));
}

TEST_F(HistoryTest, WhoMissedNothingIsRecoveredWithNothing) {
  publish("t", "a", 1, 5);
  EXPECT_THAT(recover("t", {"a:5"}), IsEmpty());
}

TEST_F(HistoryTest, SourcesAreMergedInOrderOfArrival) {
  publish({"t", "a", 1});
  publish({"t", "b", 1});
  publish({"t", "a", 2});
  publish({"t", "b", 2});
  EXPECT_THAT(recover("t", {"a:1", "b:0"}), ElementsAre("b:1", "a:2", "b:2"));
}

TEST_F(HistoryTest, ASourceThatSinceOmitsCountsFromItsFirstEvent) {
  publish("t", "a", 1, 2);
  publish("t", "b", 1, 2);
  EXPECT_THAT(recover("t", {"a:2"}), ElementsAre("b:1", "b:2"));
}

TEST_F(HistoryTest, ASourceThatSinceOmitsAndThatWasHeardLateIsNotRecovered) {
  publish("t", "a", 1, 2);
  publish("t", "b", 7, 8);
  EXPECT_THAT(recover("t", {"a:2"}), not_recovered);
}

TEST_F(HistoryTest, AnUnknownSourceIsNotRecovered) {
  publish("t", "a", 1, 2);
  EXPECT_THAT(recover("t", {"a:2", "b:1"}), not_recovered);
  EXPECT_THAT(recover("nowhere", {"a:2"}), not_recovered);
}

TEST_F(HistoryTest, APositionFromTheFutureIsNotRecovered) {
  publish("t", "a", 1, 2);
  EXPECT_THAT(recover("t", {"a:3"}), not_recovered);
  EXPECT_THAT(recover("t", {"a:9223372036854775807"}), not_recovered);
  publish("t", "b", 1, 1);
  EXPECT_THAT(recover("t", {"a:3", "b:0"}), not_recovered);
}

TEST_F(HistoryTest, NothingKnownAndNothingHeardIsRecovered) {
  EXPECT_THAT(recover("t", {}), IsEmpty());
}

// A client came, heard nothing and left; what came meanwhile is gone. It must not be told that it
// missed nothing.
TEST_F(HistoryTest, WhoHeardNothingOfATopicThatWasForgottenSinceIsNotRecovered) {
  const std::string before = mark("t");
  publish("t", "a", 1, 1);
  EXPECT_THAT(recover("t", {before}), ElementsAre("a:1"));
  clock.advance(hours(1));
  EXPECT_THAT(recover("t", {before}), not_recovered);
  EXPECT_THAT(recover("t", {}), not_recovered) << "nor one who never was there";
  const std::string after = mark("t");
  EXPECT_THAT(recover("t", {after}), IsEmpty()) << "that is when it began";
  publish("t", "b", 1, 1);
  EXPECT_THAT(recover("t", {after}), ElementsAre("b:1"));
  EXPECT_THAT(recover("t", {before}), not_recovered) << "though b is here from its first event";
  EXPECT_THAT(recover("t", {before, "b:1"}), IsEmpty()) << "b:1 came later than what was forgotten";
}

TEST_F(HistoryTest, AMarkIsOfNoUseOnceASourceWasForgotten) {
  config.limits.sources_per_topic = 2;
  const std::string before = mark("t");
  publish("t", "a", 1, 1);
  publish("t", "b", 1, 1);
  EXPECT_THAT(recover("t", {before}), ElementsAre("a:1", "b:1"));
  publish("t", "c", 1, 1);
  EXPECT_THAT(recover("t", {before}), not_recovered);
}

TEST_F(HistoryTest, EventsOfWhichNothingIsKeptEndWhatAMarkIsGoodFor) {
  config.history.size = 0;
  const std::string before = mark("t");
  publish("t", "a", 1, 1);
  EXPECT_THAT(recover("t", {before}), not_recovered);
  EXPECT_THAT(recover("t", {mark("t")}), IsEmpty());
}

// "elsewhere:0" is what another bridge, or an earlier life of this one, said of a topic it knew
// nothing of.
TEST_F(HistoryTest, AnotherBridgesMarkProvesNothingAndHarmsNothing) {
  EXPECT_THAT(recover("t", {"elsewhere:0"}), not_recovered);
  publish("t", "a", 1, 3);
  EXPECT_THAT(recover("t", {"elsewhere:0", "a:2"}), ElementsAre("a:3"));
  EXPECT_THAT(recover("t", {"elsewhere:0"}), ElementsAre("a:1", "a:2", "a:3"));
  EXPECT_THAT(recover("t", {"elsewhere:1", "a:2"}), not_recovered) << "that is an event's position";
}

TEST_F(HistoryTest, AMarkThatSomebodyMadeUpIsNone) {
  const std::string real = mark("t");
  const std::string life = real.substr(0, real.find('-') + 1);
  publish("t", "a", 1, 1);
  clock.advance(hours(1));
  for (const char* time : {"9223372036854775807", "18446744073709551616", "", "1x", "-5"})
    EXPECT_THAT(recover("t", {life + time + ":0"}), not_recovered) << time;
}

TEST_F(HistoryTest, WhoWaitedForATopicGetsItFromItsFirstEvent) {
  publish("import:1", "a", 1, 3);
  EXPECT_THAT(recover("import:1", {}), ElementsAre("a:1", "a:2", "a:3"));
}

TEST_F(HistoryTest, WhatFellOutOfTheRingIsNotRecovered) {
  config.history.size = 3;
  publish("t", "a", 1, 5);
  EXPECT_THAT(recover("t", {"a:2"}), ElementsAre("a:3", "a:4", "a:5"));
  EXPECT_THAT(recover("t", {"a:1"}), not_recovered);
}

TEST_F(HistoryTest, WholeOrNotAtAll) {
  publish("t", "a", 1, 5);
  EXPECT_THAT(recover("t", {"a:1"}, 4), SizeIs(4));
  EXPECT_THAT(recover("t", {"a:1"}, 3), not_recovered);
  const std::size_t each = make_event({"t", "a", 1}, clock.steady())->queued_bytes();
  EXPECT_THAT(recover("t", {"a:1"}, all, 4 * each), SizeIs(4));
  EXPECT_THAT(recover("t", {"a:1"}, all, 4 * each - 1), not_recovered);
}

TEST_F(HistoryTest, AJumpIsAHoleThatNobodyComesBackOver) {
  publish("t", "a", 1, 2);
  gap("t", "a", 3, 4);
  publish("t", "a", 5, 6);
  EXPECT_THAT(recover("t", {"a:2"}), not_recovered);
  EXPECT_THAT(recover("t", {"a:4"}), ElementsAre("a:5", "a:6"));
  EXPECT_THAT(newest("t", 10), SizeIs(4));
}

TEST_F(HistoryTest, AMarkerMovesItsSourceOn) {
  history().pin("t");
  publish("t", "a", 1, 2);
  gap("t", "a", 3, 9);
  gap("t", "b", 1, 4);
  EXPECT_THAT(positions("t"), UnorderedElementsAre("a:9", "b:4"));
  EXPECT_THAT(recover("t", {"a:9", "b:4"}), IsEmpty());
  EXPECT_THAT(recover("t", {"a:2", "b:4"}), not_recovered);
}

TEST_F(HistoryTest, AMarkerOfWhatCameBeforeMovesItsSourceNotBack) {
  history().pin("t");
  publish("t", "a", 1, 5);
  gap("t", "a", 2, 3);
  EXPECT_THAT(positions("t"), ElementsAre("a:5"));
  EXPECT_THAT(recover("t", {"a:5"}), IsEmpty());
}

TEST_F(HistoryTest, ARestartDiscardsWhatTheSourceHadSaid) {
  publish("t", "b", 1, 1);
  publish("t", "a", 1, 5);
  publish({"t", "a", 1, "", false, true});
  publish("t", "a", 2, 3);
  EXPECT_THAT(newest("t", 10), ElementsAre("t@b:1", "t@a:1", "t@a:2", "t@a:3"));
  EXPECT_THAT(recover("t", {"a:5", "b:1"}), not_recovered);
  EXPECT_THAT(recover("t", {"a:1", "b:1"}), ElementsAre("a:2", "a:3"));
}

TEST_F(HistoryTest, OfASourceThatBeginsAgainAndAgainOnlyTheLastLifeIsKept) {
  publish("t", "a", 1, 3);
  publish("t", "b", 1, 1);
  for (int life = 0; life < 3; ++life) {
    publish({"t", "a", 1, "", false, true});
    publish("t", "a", 2, 2);
    EXPECT_THAT(newest("t", 10), ElementsAre("t@b:1", "t@a:1", "t@a:2"));
  }
}

TEST_F(HistoryTest, WhatARestartDiscardsIsFreedALittleAtATime) {
  config.history = {20'000, hours(1), all};
  const std::size_t none = history().bytes();
  publish("t", "a", 1, 10'000);
  publish("u", "a", 1, 5'000);
  publish("u", "b", 1, 5'000);
  std::size_t before = history().bytes();
  publish({"t", "a", 1, {}, false, true});
  publish({"u", "b", 1, {}, false, true});
  EXPECT_THAT(newest("t", 2), ElementsAre("t@a:1"));
  EXPECT_THAT(newest("u", 2), ElementsAre("u@a:5000", "u@b:1"));
  EXPECT_FALSE(history().fetch("t", "a", 2, 2, all, all).complete);
  const std::size_t each = make_event({"t", "a", 1}, clock.steady())->memory_bytes();
  EXPECT_GT(history().bytes(), before - 10 * each) << "it is still held, and counted";
  std::size_t sweeps = 0;
  for (std::size_t after = 0; sweeps < 100; before = after, ++sweeps) {
    history().sweep();
    after = history().bytes();
    if (after == before) break;
  }
  EXPECT_EQ(sweeps, 15) << "of a thousand events each";
  EXPECT_LT(history().bytes() - none, 5'002 * (each + 100));
}

TEST_F(HistoryTest, WhatWasDiscardedGoesBeforeWhatIsKept) {
  config.history = {2'000, hours(1), 400'000};
  publish("kept", "a", 1, 100);
  publish("t", "a", 1, 1'000);
  publish({"t", "a", 1, {}, false, true});
  publish("t", "a", 2, 1'000);
  EXPECT_LE(history().bytes(), config.history.bytes);
  EXPECT_THAT(newest("kept", 200), SizeIs(100));
  EXPECT_THAT(newest("t", 2'000), SizeIs(1'000));
}

TEST_F(HistoryTest, EventsThatComeMakeRoomForThemselvesAmongTheDiscarded) {
  config.history = {2'000, hours(1), all};
  publish("t", "a", 1, 1'000);
  publish({"t", "a", 1, {}, false, true});
  const std::size_t discarded = history().bytes();
  publish("t", "a", 2, 400);
  EXPECT_LT(history().bytes(), discarded) << "no sweep has been";
}

TEST_F(HistoryTest, ASourceThatStepsBackBeginsAnew) {
  publish("t", "a", 4, 6);
  publish("t", "a", 2, 3);
  EXPECT_THAT(newest("t", 10), ElementsAre("t@a:2", "t@a:3"));
  EXPECT_THAT(positions("t"), ElementsAre("a:3"));
}

TEST_F(HistoryTest, RawEventsAreKeptButNobodyComesBackToBeforeThem) {
  publish({"t", "a", 1, "", true});
  publish({"t", "a", 2, "", true});
  EXPECT_THAT(newest("t", 10), ElementsAre("t@a:1", "t@a:2"));
  EXPECT_THAT(positions("t"), ElementsAre("a:2"));
  EXPECT_THAT(recover("t", {}), not_recovered);
  EXPECT_THAT(recover_all("*", {}), not_recovered);
}

// ---- Age

TEST_F(HistoryTest, EventsLiveAsLongAsTheirAgeAllows) {
  publish("t", "a", 1, 1);
  clock.advance(milliseconds(1000));
  publish("t", "a", 2, 2);
  clock.advance(config.history.ttl - milliseconds(1000));
  EXPECT_THAT(newest("t", 10), ElementsAre("t@a:1", "t@a:2"));
  clock.advance(milliseconds(1));
  EXPECT_THAT(newest("t", 10), ElementsAre("t@a:2"));
  EXPECT_THAT(recover("t", {"a:0"}), not_recovered);
}

TEST_F(HistoryTest, AnHourOnTheWallClockExpiresNothing) {
  publish("t", "a", 1, 2);
  clock.set_wall(clock.wall() + hours(1));
  history().sweep();
  EXPECT_THAT(newest("t", 10), SizeIs(2));
  clock.set_wall(clock.wall() - hours(3));
  history().sweep();
  EXPECT_THAT(recover("t", {"a:1"}), ElementsAre("a:2"));
}

TEST_F(HistoryTest, TheNewestPositionOutlivesItsEventWhileThereAreSubscribers) {
  history().pin("t");
  publish("t", "a", 1, 5);
  clock.advance(hours(1));
  history().sweep();
  EXPECT_THAT(recover("t", {"a:5"}), IsEmpty());
  EXPECT_THAT(recover("t", {"a:4"}), not_recovered);
  publish("t", "a", 6, 6);
  EXPECT_THAT(recover("t", {"a:5"}), ElementsAre("a:6"));
}

TEST_F(HistoryTest, ATopicWithoutSubscribersAndHistoryIsForgotten) {
  publish("t", "a", 1, 5);
  EXPECT_EQ(history().topics(), 1u);
  clock.advance(hours(1));
  history().sweep();
  EXPECT_EQ(history().topics(), 0u);
  EXPECT_THAT(recover("t", {"a:5"}), not_recovered);
}

TEST_F(HistoryTest, ATopicThatIsPastItsAgeIsForgottenWhetherOrNotSomeoneLooked) {
  publish("t", "b", 9, 9);
  clock.advance(hours(1));
  publish("t", "a", 1, 1);  // no sweep in between
  EXPECT_THAT(positions("t"), ElementsAre("a:1"));
  clock.advance(hours(1));
  history().pin("t");  // too late to hold it
  EXPECT_THAT(positions("t"), ElementsAre("mark"));
}

TEST_F(HistoryTest, PinsAreCounted) {
  history().pin("t");
  history().pin("t");
  publish("t", "a", 1, 1);
  clock.advance(hours(1));
  history().unpin("t");
  EXPECT_THAT(positions("t"), ElementsAre("a:1"));
  history().unpin("t");
  EXPECT_THAT(positions("t"), ElementsAre("mark"));
  EXPECT_EQ(history().topics(), 0u);
}

TEST_F(HistoryTest, ASweepDoesABoundedPieceOfWork) {
  for (int i = 0; i < 2'500; ++i) publish({"t" + std::to_string(i)});
  clock.advance(hours(1));
  history().sweep();
  EXPECT_EQ(history().topics(), 1'500u);
  history().sweep();
  history().sweep();
  EXPECT_EQ(history().topics(), 0u);
}

TEST_F(HistoryTest, ExpiryKeepsPaceWithEventsThatComeWithoutASweep) {
  config.history.ttl = Duration(1000);
  for (int i = 0; i < 20'000; ++i) {
    publish({"t" + std::to_string(i)});
    clock.advance(milliseconds(1));
  }
  EXPECT_LT(history().topics(), 1200u);
}

// ---- Bounds

TEST_F(HistoryTest, TheOldestEventOfAllTopicsGoesFirst) {
  config.history.bytes = 40'000;
  publish({"quiet", "a", 1, "", false, false, 10'000});
  publish({"busy", "a", 1, "", false, false, 10'000});
  publish({"busy", "a", 2, "", false, false, 10'000});
  EXPECT_THAT(newest("quiet", 1), SizeIs(1));
  publish({"busy", "a", 3, "", false, false, 10'000});
  EXPECT_THAT(newest("quiet", 1), IsEmpty());
  EXPECT_THAT(newest("busy", 9), SizeIs(3));
  EXPECT_LE(history().bytes(), config.history.bytes);
}

TEST_F(HistoryTest, AnEventThatIsLargerThanAllRoomPushesNothingOut) {
  config.history.bytes = 40'000;
  publish("t", "a", 1, 2);
  publish({"t", "a", 3, "", false, false, 50'000});
  EXPECT_THAT(newest("t", 9), ElementsAre("t@a:1", "t@a:2"));
  EXPECT_THAT(recover("t", {"a:2"}), not_recovered);
  EXPECT_THAT(recover("t", {"a:3"}), IsEmpty());
}

TEST_F(HistoryTest, EvenPinnedTopicsStayWithinTheBound) {
  config.history.bytes = 100'000;
  for (int i = 0; i < 1000; ++i) {
    history().pin("t" + std::to_string(i));
    publish({"t" + std::to_string(i)});
    ASSERT_LE(history().bytes(), config.history.bytes);
  }
  EXPECT_THAT(positions("t999"), ElementsAre("a:1"));
  EXPECT_THAT(positions("t0"), ElementsAre("mark"));
}

TEST_F(HistoryTest, TheTopicHeardFromLongestAgoIsForgottenFirst) {
  config.limits.topics = 2;
  publish("x", "a", 1, 1);
  publish("y", "a", 1, 1);
  publish("x", "a", 2, 2);
  publish("z", "a", 1, 1);
  EXPECT_THAT(history().topics_after("", 9), ElementsAre("x", "z"));
}

TEST_F(HistoryTest, TheSourceHeardFromLongestAgoIsForgottenFirst) {
  config.limits.sources_per_topic = 2;
  publish("t", "a", 1, 1);
  publish("t", "b", 1, 1);
  publish("t", "a", 2, 2);
  publish("t", "c", 1, 1);
  EXPECT_THAT(positions("t"), UnorderedElementsAre("a:2", "c:1"));
  EXPECT_THAT(recover("t", {"a:2", "b:1"}), not_recovered);
  EXPECT_THAT(recover("t", {"a:2"}), ElementsAre("c:1"));
  EXPECT_THAT(newest("t", 9), SizeIs(4)) << "its events are still among the newest";
}

TEST_F(HistoryTest, ASourceThatWasForgottenAndCountsAnewContinuesNothing) {
  config.limits.sources_per_topic = 2;
  publish("t", "a", 1, 5);
  publish("t", "b", 1, 1);
  publish("t", "c", 1, 1);  // a is forgotten
  publish("t", "a", 1, 2);  // of another life, and b is forgotten
  EXPECT_THAT(recover("t", {"a:1", "c:1"}), ElementsAre("a:2"));
  EXPECT_THAT(names(history().fetch("t", "a", 1, 9, all, all).events), ElementsAre("a:1", "a:2"));
  EXPECT_THAT(newest("t", 9), SizeIs(9)) << "what was kept of it is still among the newest";
}

TEST_F(HistoryTest, WhatWasKeptOfAForgottenSourceTakesNothingAlongAsItGoes) {
  config.limits.sources_per_topic = 2;
  config.history.size = 4;
  publish("t", "a", 9, 9);
  publish("t", "b", 1, 1);
  publish("t", "c", 1, 1);  // a is forgotten
  publish("t", "a", 1, 1);
  publish("t", "a", 2, 3);  // a:9 and b:1 go
  EXPECT_THAT(recover("t", {"c:1", "a:1"}), ElementsAre("a:2", "a:3"));
}

TEST_F(HistoryTest, WhoHeardTheNewLifeOfASourceWasThereSinceAnotherWasForgotten) {
  config.limits.sources_per_topic = 2;
  publish("t", "b", 1, 1);
  publish("t", "a", 1, 5);
  publish("t", "c", 1, 1);  // b is forgotten
  publish({"t", "a", 1, "", false, true});
  publish("t", "a", 2, 3);
  EXPECT_THAT(recover("t", {"a:2"}), ElementsAre("c:1", "a:3"));
}

TEST_F(HistoryTest, WhoMayHaveMissedAForgottenSourceIsToldSo) {
  config.limits.sources_per_topic = 2;
  publish("t", "a", 1, 1);
  publish("t", "b", 1, 1);
  publish("t", "c", 1, 1);
  EXPECT_THAT(recover("t", {}), not_recovered) << "a:1 is missing";
  EXPECT_THAT(recover("t", {"b:1"}), ElementsAre("c:1")) << "b:1 came after a:1";
}

// What a reload has looked at and found too old is forgotten.
TEST_F(HistoryTest, AReloadLooksAtTheTopicsOnlyWhereWhatIsKeptOfThemChanges) {
  route("t*").ttl = config.history.ttl;
  for (int i = 0; i < 100; ++i) publish("t" + std::to_string(i), "a", 1, 1);
  clock.advance(config.history.ttl + std::chrono::seconds(1));
  config.limits.topics += 1;
  config.history.bytes += 1;
  config.auth.anonymous.subscribe = {"*"};
  reload();
  EXPECT_EQ(history().topics(), 100U);
  const Config before = config;
  const auto looked = [&](const std::function<void()>& change) {
    config = before;
    begin_anew();
    publish("t", "a", 1, 1);
    clock.advance(config.history.ttl + std::chrono::seconds(1));
    change();
    reload();
    return history().topics() == 0U;
  };
  EXPECT_FALSE(looked([] {}));
  EXPECT_TRUE(looked([&] { config.routes[0].history = 7; }));
  EXPECT_TRUE(looked([&] { config.routes[0].overflow = Overflow::conflate; }));
  EXPECT_TRUE(looked([&] { config.routes[0].match = "*"; }));
  EXPECT_TRUE(looked([&] { config.routes.clear(); }));
  EXPECT_TRUE(looked([&] { config.history.size = 1; }));
  EXPECT_TRUE(looked([&] { config.limits.sources_per_topic = 1; }));
}

TEST_F(HistoryTest, NoHistoryKeepsPositionsOnlyForSubscribers) {
  config.history.size = 0;
  history().pin("held");
  publish("held", "a", 1, 3);
  publish("idle", "a", 1, 3);
  EXPECT_THAT(newest("held", 9), IsEmpty());
  EXPECT_THAT(positions("held"), ElementsAre("a:3"));
  EXPECT_THAT(recover("held", {"a:3"}), IsEmpty());
  EXPECT_THAT(recover("held", {"a:2"}), not_recovered);
  EXPECT_EQ(history().topics(), 1u);
}

// ---- Routes

TEST_F(HistoryTest, TheFirstRouteThatMatchesDecides) {
  route("import:*").history = 1;
  route("*").history = 2;
  publish("import:1", "a", 1, 5);
  publish("other", "a", 1, 5);
  EXPECT_THAT(newest("import:1", 9), ElementsAre("import:1@a:5"));
  EXPECT_THAT(newest("other", 9), ElementsAre("other@a:4", "other@a:5"));
}

TEST_F(HistoryTest, ARouteHasItsOwnAge) {
  route("brief").ttl = Duration(1000);
  publish("long", "a", 1, 1);
  publish("brief", "a", 1, 1);
  clock.advance(milliseconds(1001));
  history().sweep();
  EXPECT_THAT(history().topics_after("", 9), ElementsAre("long"));
}

TEST_F(HistoryTest, AReloadHoldsForWhatIsThere) {
  publish("t", "a", 1, 5);
  route("t").history = 2;
  reload();
  EXPECT_THAT(newest("t", 9), ElementsAre("t@a:4", "t@a:5"));
  EXPECT_THAT(recover("t", {"a:2"}), not_recovered);
  EXPECT_THAT(recover("t", {"a:3"}), ElementsAre("a:4", "a:5"));
  config.history.bytes = 0;
  reload();
  EXPECT_THAT(newest("t", 9), IsEmpty());
}

TEST_F(HistoryTest, AReloadThatShortensALifeIsSweptInTime) {
  route("brief").ttl = Duration(1000);
  publish("long", "a", 1, 1);
  clock.advance(milliseconds(600));
  publish("brief", "a", 1, 1);
  history().sweep();
  config.routes[0].match = "*";
  reload();
  clock.advance(milliseconds(401));
  history().sweep();
  EXPECT_THAT(history().topics_after("", 9), ElementsAre("brief"));
}

// ---- Conflation

class ConflateTest : public HistoryTest {
 protected:
  ConflateTest() {
    RouteConfig& prices = route("prices");
    prices.overflow = Overflow::conflate;
    prices.history = 3;
  }
  void price(std::uint64_t seq, std::string_view key) {
    publish({"prices", "a", seq, std::string(key)});
  }
};

TEST_F(ConflateTest, TheNewestOfEachKeyIsKept) {
  price(1, "eur");
  price(2, "usd");
  price(3, "eur");
  price(4, "gbp");
  price(5, "eur");
  EXPECT_THAT(newest("prices", 9), ElementsAre("prices@a:2", "prices@a:4", "prices@a:5"));
  EXPECT_THAT(newest("prices", 1), ElementsAre("prices@a:5"));
}

TEST_F(ConflateTest, WithoutAKeyTheTopicIsTheKey) {
  for (std::uint64_t seq = 1; seq <= 9; ++seq) price(seq, "");
  EXPECT_THAT(newest("prices", 9), ElementsAre("prices@a:9"));
}

TEST_F(ConflateTest, WhatWasReplacedIsNotMissed) {
  price(1, "eur");
  price(2, "usd");
  price(3, "eur");
  EXPECT_THAT(recover("prices", {"a:0"}), ElementsAre("a:2", "a:3"));
  EXPECT_THAT(recover("prices", {"a:2"}), ElementsAre("a:3"));
}

TEST_F(ConflateTest, AnEvictedKeyIs) {
  price(1, "eur");
  price(2, "usd");
  price(3, "gbp");
  price(4, "chf");
  EXPECT_THAT(newest("prices", 9), ElementsAre("prices@a:2", "prices@a:3", "prices@a:4"));
  EXPECT_THAT(recover("prices", {"a:0"}), not_recovered);
  EXPECT_THAT(recover("prices", {"a:1"}), ElementsAre("a:2", "a:3", "a:4"));
}

TEST_F(ConflateTest, AKeyPastItsAgeWasEvictedBeforeItWasReplaced) {
  price(1, "eur");
  clock.advance(milliseconds(1));
  price(2, "usd");
  clock.advance(config.history.ttl);
  price(3, "eur");  // nobody has looked in between
  EXPECT_THAT(recover("prices", {"a:0"}), not_recovered);
  EXPECT_THAT(recover("prices", {"a:1"}), ElementsAre("a:2", "a:3"));
}

TEST_F(ConflateTest, ManyKeysAreFoundAgain) {
  config.routes[0].history = 1000;
  for (std::uint64_t seq = 1; seq <= 10'000; ++seq) price(seq, std::to_string(seq * 7 % 900));
  const auto kept = history().newest(pattern("prices"), all, all);
  ASSERT_EQ(kept.size(), 900u);
  for (std::size_t i = 0; i < kept.size(); ++i) EXPECT_EQ(kept[i]->seq(), 10'000u - 899 + i);
}

TEST_F(ConflateTest, AReloadThatEndsItEndsResumingFromBefore) {
  price(1, "eur");
  price(2, "usd");
  price(3, "eur");
  config.routes[0].overflow = Overflow::drop_oldest;
  reload();
  EXPECT_THAT(newest("prices", 9), ElementsAre("prices@a:2", "prices@a:3"));
  EXPECT_THAT(recover("prices", {"a:0"}), not_recovered);
  price(4, "eur");
  price(5, "eur");
  EXPECT_THAT(recover("prices", {"a:3"}), ElementsAre("a:4", "a:5"));
}

TEST_F(ConflateTest, AReloadThatBeginsItKeepsTheNewestOfEachKey) {
  for (std::uint64_t seq = 1; seq <= 6; ++seq)
    publish({"ticks", "a", seq, seq % 2 == 0 ? "even" : "odd"});
  route("ticks").overflow = Overflow::conflate;
  reload();
  EXPECT_THAT(newest("ticks", 9), ElementsAre("ticks@a:5", "ticks@a:6"));
  EXPECT_THAT(recover("ticks", {"a:2"}), ElementsAre("a:5", "a:6"));
}

TEST_F(ConflateTest, AReloadThatBeginsItReplacesBeforeItDrops) {
  publish({"ticks", "a", 1, "x"});
  publish({"ticks", "b", 1, "y"});
  publish({"ticks", "b", 2, "z"});
  publish({"ticks", "a", 2, "x"});
  RouteConfig& ticks = route("ticks");
  ticks.overflow = Overflow::conflate;
  ticks.history = 2;
  reload();
  EXPECT_THAT(newest("ticks", 9), ElementsAre("ticks@b:2", "ticks@a:2"));
  EXPECT_THAT(recover("ticks", {"a:0", "b:1"}), ElementsAre("b:2", "a:2"));
}

TEST_F(ConflateTest, AReloadThatBeginsItAndKeepsNothingReplacesFirst) {
  publish({"ticks", "a", 1, "x"});
  publish({"ticks", "b", 1, "x"});
  history().pin("ticks");
  RouteConfig& ticks = route("ticks");
  ticks.overflow = Overflow::conflate;
  ticks.history = 0;
  reload();
  EXPECT_THAT(recover("ticks", {"a:0", "b:1"}), IsEmpty());
}

TEST_F(ConflateTest, AReloadToAKeyOfThePayloadLeavesWhatCameBeforeWhole) {
  for (std::uint64_t seq = 1; seq <= 4; ++seq) publish({"ticks", "a", seq});
  RouteConfig& ticks = route("ticks");
  ticks.overflow = Overflow::conflate;
  ticks.key = "id";
  reload();
  EXPECT_THAT(recover("ticks", {"a:1"}), ElementsAre("a:2", "a:3", "a:4"));
  publish({"ticks", "a", 5, "x"});
  publish({"ticks", "a", 6, "y"});
  publish({"ticks", "a", 7, "x"});
  EXPECT_THAT(recover("ticks", {"a:2"}), ElementsAre("a:3", "a:4", "a:6", "a:7"));
  publish({"ticks", "a", 8});  // on its way since before the reload
  EXPECT_THAT(newest("ticks", 9), ElementsAre("ticks@a:1", "ticks@a:2", "ticks@a:3", "ticks@a:4",
                                              "ticks@a:6", "ticks@a:7", "ticks@a:8"));
}

TEST_F(ConflateTest, AReloadToAnotherKeyDeclaresFailedWhatCameBefore) {
  RouteConfig& ticks = route("ticks");
  ticks.overflow = Overflow::conflate;
  ticks.key = "id";
  reload();
  publish({"ticks", "a", 1, "x"});
  publish({"ticks", "a", 2, "x"});
  ticks.key = "name";
  reload();
  EXPECT_THAT(recover("ticks", {"a:0"}), not_recovered);
  EXPECT_THAT(recover("ticks", {"a:2"}), ElementsAre());
  publish({"ticks", "a", 3, "y"});
  publish({"ticks", "a", 4, "y"});
  EXPECT_THAT(recover("ticks", {"a:2"}), ElementsAre("a:4"));
}

TEST_F(ConflateTest, WhatWasHadOfEachSourceEndsTheWalk) {
  RouteConfig& ticks = route("ticks");
  ticks.overflow = Overflow::conflate;
  ticks.history = 100'000;
  for (std::uint64_t seq = 1; seq <= 30'000; ++seq)
    publish({"ticks", "a", seq, "key " + std::to_string(seq)});
  publish({"ticks", "b", 1, "of b"});
  publish({"ticks", "a", 30'001, "key 1"});
  EXPECT_THAT(recover("ticks", {"a:30000", "b:1"}), ElementsAre("a:30001"));
  EXPECT_THAT(recover("ticks", {"a:30000", "b:0"}), ElementsAre("b:1", "a:30001"));
}

// b:1 may lie anywhere below the newest 20,000.
TEST_F(ConflateTest, ToLookForOneEventAmongTooManyOthersIsNotTried) {
  RouteConfig& ticks = route("ticks");
  ticks.overflow = Overflow::conflate;
  ticks.history = 100'000;
  publish({"ticks", "b", 1, "of b"});
  for (std::uint64_t seq = 1; seq <= 30'000; ++seq)
    publish({"ticks", "a", seq, "key " + std::to_string(seq)});
  EXPECT_THAT(recover("ticks", {"a:30000", "b:0"}), not_recovered);
  EXPECT_THAT(recover("ticks", {"a:30000", "b:1"}), IsEmpty());
}

// ---- Patterns

TEST_F(HistoryTest, APatternIsRecoveredAcrossItsTopicsInOrderOfArrival) {
  publish({"import:2", "a", 1});
  publish({"import:1", "a", 1});
  publish({"other", "a", 1});
  publish({"import:2", "a", 2});
  publish({"import:1", "a", 2});
  EXPECT_THAT(recover_all("import:*", {{"import:2", at({"a:1"})}}),
              ElementsAre("import:1@a:1", "import:2@a:2", "import:1@a:2"));
}

TEST_F(HistoryTest, ATopicThatAPatternsSinceOmitsCountsFromItsFirstEvent) {
  publish("import:1", "a", 1, 1);
  publish("import:2", "a", 5, 5);
  EXPECT_THAT(recover_all("import:*", {{"import:2", at({"a:5"})}}), ElementsAre("import:1@a:1"));
  EXPECT_THAT(recover_all("import:*", {{"import:1", at({"a:1"})}}), not_recovered);
}

TEST_F(HistoryTest, ATopicOfAPatternsSinceThatIsForgottenIsNotRecovered) {
  publish("import:1", "a", 1, 1);
  EXPECT_THAT(recover_all("import:*", {{"import:1", at({"a:1"})}, {"import:0", at({"a:9"})}}),
              not_recovered);
  EXPECT_THAT(recover_all("import:*", {{"import:1", at({"a:1"})}, {"import:0", {}}}), IsEmpty());
}

TEST_F(HistoryTest, APatternThatMayHaveMissedATopicThatIsForgottenIsNotRecovered) {
  publish("a:1", "p", 1, 1);
  publish("b:1", "p", 1, 1);
  clock.advance(hours(1));
  history().sweep();
  EXPECT_THAT(recover_all("a:*", {}), not_recovered);
  EXPECT_THAT(recover_all("a:1*", {}), not_recovered);
  EXPECT_THAT(recover_all("c:*", {}), IsEmpty()) << "nothing of it ever came";
  publish("a:2", "p", 1, 1);
  EXPECT_THAT(recover_all("a:*", {}), not_recovered);
  EXPECT_THAT(recover_all("a:*", {{"a:2", at({"p:1"})}}), IsEmpty())
      << "it had that one, which came after all that is forgotten";
}

TEST_F(HistoryTest, TopicsThatThePatternDoesNotMatchArePassedOver) {
  publish("import:1", "a", 1, 1);
  EXPECT_THAT(recover_all("import:*", {{"wallets", at({"w:9"})}}), ElementsAre("import:1@a:1"));
}

TEST_F(HistoryTest, APatternIsWholeOrNotAtAllToo) {
  publish("import:1", "a", 1, 2);
  publish("import:2", "a", 1, 2);
  EXPECT_THAT(recover_all("import:*", {}, 4), SizeIs(4));
  EXPECT_THAT(recover_all("import:*", {}, 3), not_recovered);
}

TEST_F(HistoryTest, ATopicNamedTwiceIsNotSentTwice) {
  publish("import:1", "a", 1, 2);
  EXPECT_THAT(recover_all("import:*", {{"import:1", at({"a:1"})}, {"import:1", at({"a:0"})}}),
              ElementsAre("import:1@a:2"));
}

TEST_F(HistoryTest, NoPatternReachesTheBridgesOwnNames) {
  publish("@all", "a", 1, 1);
  publish("@user/ada", "a", 1, 1);
  publish("B", "a", 1, 1);
  publish("!", "a", 1, 1);
  EXPECT_THAT(recover_all("*", {}), ElementsAre("B@a:1", "!@a:1"));
  EXPECT_THAT(newest("*", 1), ElementsAre("B@a:1", "!@a:1"));
  EXPECT_THAT(newest("@all", 1), ElementsAre("@all@a:1"));
  EXPECT_THAT(recover_all("@all", {{"@all", at({"a:0"})}}), ElementsAre("@all@a:1"));
}

TEST_F(HistoryTest, NewestOfAPatternIsTheLastStateOfEachTopic) {
  publish("import:1", "a", 1, 3);
  publish("import:2", "a", 1, 3);
  publish("import:1", "a", 4, 4);
  publish("wallets", "a", 1, 1);
  EXPECT_THAT(newest("import:*", 1), ElementsAre("import:2@a:3", "import:1@a:4"));
  EXPECT_THAT(newest("import:*", 2),
              ElementsAre("import:1@a:3", "import:2@a:2", "import:2@a:3", "import:1@a:4"));
}

TEST_F(HistoryTest, NewestOfManyTopicsIsWhatArrivedLast) {
  config.limits.replay_events = 3;
  for (int i = 0; i < 100; ++i) publish({"import:" + std::to_string(i)});
  publish({"import:0", "a", 2});
  publish({"other", "a", 1});
  EXPECT_THAT(newest("import:*", 1), ElementsAre("import:98@a:1", "import:99@a:1", "import:0@a:2"));
  EXPECT_THAT(newest("import:*", 2), ElementsAre("import:98@a:1", "import:99@a:1", "import:0@a:2"));
  std::size_t looks = 30;
  EXPECT_THAT(history().newest(pattern("import:*"), 1, all, looks), SizeIs(3))
      << "topics heard from before those are not looked at";
}

TEST_F(HistoryTest, NewestOfAPatternCostsALookForEachTopicThatWasLookedAt) {
  for (int i = 0; i < 5; ++i) publish({"import:" + std::to_string(i)});
  std::size_t looks = 100;
  EXPECT_THAT(history().newest(pattern("import:*"), 1, all, looks), SizeIs(5));
  EXPECT_EQ(looks, 95U);
}

TEST_F(HistoryTest, NewestOfAPatternIsNothingWhereTheLooksEndBeforeItIsFound) {
  config.limits.replay_events = 3;
  for (int i = 0; i < 100; ++i) publish({"import:" + std::to_string(i)});
  std::size_t looks = 14;  // by name, and then two of those heard from last
  EXPECT_THAT(history().newest(pattern("import:*"), 1, all, looks), IsEmpty()) << "not some of it";
  EXPECT_EQ(looks, 0U);
}

TEST_F(HistoryTest, NewestStaysWithinTheBytesAndKeepsTheLast) {
  publish("t", "a", 1, 3);
  const std::size_t each = make_event({"t", "a", 1}, clock.steady())->queued_bytes();
  EXPECT_THAT(newest("t", 9, 2 * each), ElementsAre("t@a:2", "t@a:3"));
  EXPECT_THAT(newest("t", 9, 2 * each - 1), ElementsAre("t@a:3"));
  EXPECT_THAT(newest("t", 0), IsEmpty());
}

// ---- Fetching

class FetchTest : public HistoryTest {
 protected:
  Fetched fetch(std::uint64_t from, std::uint64_t to, std::size_t events_max = all) {
    return history().fetch("t", "a", from, to, events_max, all);
  }
};

TEST_F(FetchTest, WhatIsAskedForComesInOrder) {
  publish("t", "a", 1, 3);
  publish("t", "b", 1, 3);
  publish("t", "a", 4, 6);
  const Fetched fetched = fetch(2, 5);
  EXPECT_THAT(names(fetched.events), ElementsAre("a:2", "a:3", "a:4", "a:5"));
  EXPECT_TRUE(fetched.complete);
}

TEST_F(FetchTest, WhatIsMissingMakesItIncomplete) {
  config.history.size = 3;
  publish("t", "a", 1, 4);
  gap("t", "a", 5, 5);
  publish("t", "a", 6, 6);
  const Fetched fetched = fetch(1, 6);
  EXPECT_THAT(names(fetched.events), ElementsAre("a:3", "a:4", "a:6"));
  EXPECT_FALSE(fetched.complete);
  EXPECT_FALSE(fetch(5, 5).complete);
  EXPECT_TRUE(fetch(6, 6).complete);
  EXPECT_FALSE(fetch(6, 7).complete) << "the future";
  EXPECT_FALSE(fetch(4, 3).complete) << "an empty range";
  EXPECT_FALSE(fetch(0, ~std::uint64_t{0}).complete);
}

TEST_F(FetchTest, ABoundCutsOffTheEnd) {
  publish("t", "a", 1, 5);
  const Fetched fetched = fetch(1, 5, 2);
  EXPECT_THAT(names(fetched.events), ElementsAre("a:1", "a:2"));
  EXPECT_FALSE(fetched.complete);
}

TEST_F(FetchTest, TheOldestOfALongHistoryIsFoundInAFewLooks) {
  config.history = {50'000, hours(1), all};
  publish("t", "a", 1, 1);
  for (std::uint64_t seq = 1; seq <= 20'000; ++seq) {
    publish("t", "b", seq, seq);
    publish("t", "a", seq + 1, seq + 1);
  }
  for (const std::uint64_t wanted : {1, 2, 777, 10'000, 20'000, 20'001}) {
    std::size_t looks_left = 10;
    const Fetched fetched = history().fetch("t", "a", wanted, wanted, all, all, looks_left);
    EXPECT_THAT(names(fetched.events), ElementsAre("a:" + std::to_string(wanted)));
    EXPECT_TRUE(fetched.complete);
    EXPECT_GE(looks_left, 7) << "of 16 events each";
  }
}

TEST_F(FetchTest, ASearchAmongTooManyOthersIsChargedAndEndsIncomplete) {
  config.history = {200'000, hours(1), all};
  publish("t", "a", 1, 1);
  publish("t", "b", 1, 100'000);
  std::size_t looks_left = 10'000;
  EXPECT_FALSE(history().fetch("t", "a", 1, 1, all, all, looks_left).complete);
  EXPECT_EQ(looks_left, 10'000 - 20'000 / 16);
  looks_left = 3;
  EXPECT_THAT(history().fetch("t", "a", 1, 1, all, all, looks_left).events, IsEmpty());
  EXPECT_EQ(looks_left, 0);
}

TEST_F(FetchTest, WhereTheLooksEndTheFirstOfThemHaveCome) {
  publish("t", "a", 1, 2);
  publish("t", "b", 1, 60);
  publish("t", "a", 3, 3);
  std::size_t looks_left = 2;
  const Fetched fetched = history().fetch("t", "a", 1, 3, all, all, looks_left);
  EXPECT_FALSE(fetched.complete);
  EXPECT_EQ(looks_left, 0);
  looks_left = 8;
  EXPECT_TRUE(history().fetch("t", "a", 1, 3, all, all, looks_left).complete);
}

TEST_F(FetchTest, OfASourceThatWasForgottenAndWentOnAllIsMeant) {
  config.limits.sources_per_topic = 1;
  publish("t", "a", 1, 3);
  publish("t", "b", 1, 1);
  publish("t", "a", 4, 6);
  EXPECT_THAT(names(fetch(2, 5).events), ElementsAre("a:2", "a:3", "a:4", "a:5"));
  publish("t", "b", 2, 2);
  EXPECT_THAT(names(fetch(2, 9).events), ElementsAre("a:2", "a:3", "a:4", "a:5", "a:6"));
  publish("t", "a", 3, 4);
  EXPECT_THAT(names(fetch(1, 9).events), ElementsAre("a:3", "a:4"))
      << "what came before it counted anew";
}

TEST_F(FetchTest, UnknownTopicsAndSourcesHaveNothing) {
  publish("t", "b", 1, 1);
  EXPECT_THAT(fetch(1, 1).events, IsEmpty());
  EXPECT_THAT(history().fetch("other", "a", 1, 1, all, all).events, IsEmpty());
}

// ---- Time

TEST_F(HistoryTest, WhatIsTooOldGoesAPieceAtATimeUntilNothingOfItIsLeft) {
  config.history.ttl = hours(1);
  config.history.size = 10'000;
  for (int topic = 0; topic < 100; ++topic) publish("old:" + std::to_string(topic), "a", 1, 50);
  clock.advance(hours(1));
  publish("t", "a", 1, 1);
  clock.advance(milliseconds(1));
  std::size_t before = history().bytes();
  int pieces = 1;
  for (; !history().forget_old(); ++pieces) {
    EXPECT_LT(history().bytes(), before);
    before = history().bytes();
  }
  EXPECT_GE(pieces, 5) << "5,000 events in one go hold up everybody";
  EXPECT_EQ(history().topics(), 1U);
  EXPECT_TRUE(history().forget_old());
}

TEST_F(HistoryTest, ATopicIsKnownAsLongAsSomethingOfItIsKeptThoughNobodyHoldsIt) {
  history().pin("t");
  publish("t", "a", 1, 3);
  history().unpin("t");
  EXPECT_EQ(history().topics(), 1U);
  EXPECT_THAT(recover("t", {"a:1"}), ElementsAre("a:2", "a:3"));
}

// ---- Pages

TEST_F(HistoryTest, TopicsComeInPagesInOrderOfName) {
  for (const char* topic : {"b", "d", "a", "c"}) publish({topic});
  EXPECT_THAT(history().topics_after("", 2), ElementsAre("a", "b"));
  EXPECT_THAT(history().topics_after("b", 9), ElementsAre("c", "d"));
  EXPECT_THAT(history().topics_after("bb", 1), ElementsAre("c"));
  EXPECT_THAT(history().topics_after("d", 1), IsEmpty());
}

TEST_F(HistoryTest, TheBusiestTopicsAreThoseWithMostEvents) {
  for (const char* topic : {"b", "c", "a", "c", "c", "a"}) publish({topic});
  EXPECT_THAT(history().busiest(2), ElementsAre("c", "a"));
  EXPECT_THAT(history().busiest(9), ElementsAre("c", "a", "b"));
  gap("a", "s", 1, 2);
  gap("a", "s", 3, 9);
  EXPECT_THAT(history().busiest(2), ElementsAre("c", "a")) << "what never came made nobody busy";
  EXPECT_EQ(history().events("a"), 2U);
  EXPECT_EQ(history().events("c"), 3U);
  EXPECT_EQ(history().events("none"), 0U);
}

}  // namespace
}  // namespace zws
