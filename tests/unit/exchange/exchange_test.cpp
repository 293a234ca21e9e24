// Exchange: one order for all lanes, numbers where there are none, losses of producers told.
#include "exchange/exchange.hpp"

#include <gmock/gmock.h>

#include <array>
#include <future>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/position.hpp"
#include "exchange/late_gap.hpp"
#include "exchange/past.hpp"
#include "support/events.hpp"
#include "support/short_memory.hpp"

namespace zws {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Lane final : BatchSink {
  void post(BatchPtr batch) noexcept override { batches.push_back(std::move(batch)); }
  std::vector<BatchPtr> batches;
};

struct StillClock final : Clock {
  SteadyTime steady() const noexcept override { return now; }
  WallTime wall() const noexcept override { return WallTime{std::chrono::seconds(1'700'000'000)}; }

  SteadyTime now{std::chrono::hours(1)};
};

class ExchangeTest : public ::testing::Test {
 protected:
  ExchangeTest() {
    exchange_.post_to({&first_, &second_});
    for (const std::size_t lane : {0U, 1U}) listen(lane, "*");
  }

  void listen(std::size_t lane, std::string_view pattern) {
    const Exchange::Look look = exchange_.look();
    exchange_.interest(lane).begins(*Pattern::parse(pattern));
  }

  static Arrival arrival(std::string_view topic, std::string_view source = {},
                         std::uint64_t seq = 0, std::int64_t sent_ns = 0) {
    Arrival made;
    made.topic = topic;
    made.payload = "1";
    made.source = source;
    made.seq = seq;
    made.sent_ns = sent_ns;
    return made;
  }
  void accept(const std::vector<Arrival>& arrivals) {
    exchange_.accept(arrivals.data(), arrivals.size());
  }
  // What the last batch brought.
  std::vector<std::string> last() const {
    std::vector<std::string> names;
    for (const EventPtr& event : first_.batches.back()->events) names.push_back(name_of(*event));
    return names;
  }
  std::uint64_t duplicates() {
    return metrics_.ingest.rejected[static_cast<std::size_t>(RejectReason::duplicate)].value();
  }

  StillClock clock_;
  Lane first_;
  Lane second_;
  Metrics metrics_{2};
  Exchange exchange_{std::make_shared<const Config>(), metrics_, clock_};
};

class SourcesTest : public ExchangeTest {
 protected:
  void watch(std::size_t lane, std::string_view pattern) {
    const Exchange::Look look = exchange_.look();
    exchange_.interest(lane).watch_begins(*Pattern::parse(pattern));
  }
  void come(std::string_view topic, std::string_view source, std::uint64_t seq,
            std::uint64_t connection) {
    Arrival made = arrival(topic, source, seq);
    made.connection = connection;
    accept({made});
  }
  void pass(std::chrono::milliseconds time) {
    clock_.now += time;
    while (exchange_.tend_sources()) {
    }
  }
  // What has been posted to the lanes since the last call.
  std::vector<std::string> fresh(Lane& lane) {
    std::vector<std::string> names;
    for (const BatchPtr& batch : lane.batches)
      for (const EventPtr& event : batch->events) names.push_back(name_of(*event));
    lane.batches.clear();
    return names;
  }
  void expect(std::string_view match, std::chrono::milliseconds time) {
    auto config = std::make_shared<Config>();
    RouteConfig route;
    route.match = match;
    route.expect = time;
    config->routes.push_back(route);
    exchange_.reload(config);
  }
  std::vector<std::string> known(std::string_view topic) {
    std::vector<KnownSource> all;
    exchange_.look().sources(topic, all);
    std::vector<std::string> names;
    for (const KnownSource& each : all)
      names.push_back(each.src + ' ' + std::string(state_name(each.state)));
    return names;
  }
};

TEST_F(SourcesTest, ASourceIsLostWithTheLastConnectionOverWhichItWasHeard) {
  watch(0, "a");
  for (const std::uint64_t connection : {1U, 2U, 3U, 4U}) exchange_.opened(connection);
  for (const std::uint64_t connection : {1U, 2U, 3U}) come("a", "s", connection, connection);
  come("a", "other", 1, 4);
  EXPECT_THAT(fresh(first_),
              ElementsAre("a s alive", "a s:1", "a s:2", "a s:3", "a other alive", "a other:1"));
  EXPECT_THAT(fresh(second_), ElementsAre("a s:1", "a s:2", "a s:3", "a other:1"));
  clock_.now += std::chrono::seconds(2);
  exchange_.ended(3);
  exchange_.ended(1);
  EXPECT_THAT(fresh(first_), IsEmpty());
  EXPECT_THAT(known("a"), ElementsAre("s alive", "other alive"));
  exchange_.ended(2);
  EXPECT_THAT(fresh(first_), ElementsAre("a s lost"));
  EXPECT_THAT(known("a"), ElementsAre("s lost", "other alive"));
}

TEST_F(SourcesTest, OneLaneThatGivesUpLeavesTheOthersTold) {
  for (const std::size_t lane : {0U, 1U}) watch(lane, "a");
  exchange_.opened(1);
  come("a", "s", 1, 1);
  fresh(second_);
  exchange_.interest(0).watch_ends(*Pattern::parse("a"));
  fresh(first_);
  clock_.now += std::chrono::seconds(2);
  exchange_.ended(1);
  EXPECT_THAT(fresh(first_), IsEmpty());
  EXPECT_THAT(fresh(second_), ElementsAre("a s lost"));
}

TEST_F(SourcesTest, WhatComesTwiceIsHeardAllTheSame) {
  watch(0, "a");
  exchange_.opened(1);
  exchange_.opened(2);
  come("a", "s", 1, 1);
  come("a", "s", 1, 2);
  clock_.now += std::chrono::seconds(2);
  exchange_.ended(1);
  EXPECT_THAT(fresh(first_), ElementsAre("a s alive", "a s:1"));
  exchange_.ended(2);
  exchange_.opened(3);
  clock_.now += std::chrono::seconds(2);
  come("a", "s", 1, 3);
  EXPECT_THAT(fresh(first_), ElementsAre("a s lost", "a s alive"));
}

TEST_F(SourcesTest, NoMoreThanOneMessageASecondIsToldOfASource) {
  watch(0, "a");
  exchange_.opened(1);
  come("a", "s", 1, 1);
  exchange_.ended(1);
  EXPECT_THAT(fresh(first_), ElementsAre("a s alive", "a s:1")) << "not yet";
  pass(std::chrono::milliseconds(999));
  EXPECT_THAT(fresh(first_), IsEmpty());
  pass(std::chrono::milliseconds(1));
  EXPECT_THAT(fresh(first_), ElementsAre("a s lost"));
  exchange_.opened(2);
  come("a", "s", 2, 2);
  come("a", "s", 3, 2);
  EXPECT_THAT(fresh(first_), ElementsAre("a s:2", "a s:3"));
  exchange_.ended(2);
  pass(std::chrono::seconds(1));
  EXPECT_THAT(fresh(first_), IsEmpty()) << "the latest state is what was told last";
  exchange_.opened(3);
  come("a", "s", 4, 3);
  EXPECT_THAT(fresh(first_), ElementsAre("a s alive", "a s:4"));
}

TEST_F(SourcesTest, ASilentSourceIsToldOnceAndIsAliveWhenItSpeaks) {
  expect("a", std::chrono::seconds(5));
  watch(0, "*");
  exchange_.opened(1);
  come("a", "s", 1, 1);
  come("b", "s", 1, 1);
  fresh(first_);
  for (std::uint64_t seq = 2; seq < 8; ++seq) {
    pass(std::chrono::seconds(4));
    come("a", "s", seq, 1);
    EXPECT_EQ(fresh(first_).size(), 1U) << "the event";
  }
  pass(std::chrono::milliseconds(4'999));
  EXPECT_THAT(fresh(first_), IsEmpty());
  pass(std::chrono::milliseconds(1));
  EXPECT_THAT(fresh(first_), ElementsAre("a s silent"));
  EXPECT_THAT(known("a"), ElementsAre("s silent"));
  pass(std::chrono::seconds(60));
  EXPECT_THAT(fresh(first_), IsEmpty());
  come("a", "s", 8, 1);
  EXPECT_THAT(fresh(first_), ElementsAre("a s alive", "a s:8"));
  pass(std::chrono::seconds(5));
  EXPECT_THAT(fresh(first_), ElementsAre("a s silent"));
  exchange_.ended(1);
  pass(std::chrono::seconds(1));
  EXPECT_THAT(fresh(first_), ElementsAre("b s lost", "a s lost"));
}

TEST_F(SourcesTest, WhoeverComesLaterIsToldOfASilenceThatHadBegun) {
  expect("a", std::chrono::seconds(5));
  exchange_.opened(1);
  come("a", "s", 1, 1);
  clock_.now += std::chrono::seconds(3);
  EXPECT_THAT(known("a"), ElementsAre("s alive"));
  watch(0, "a");
  fresh(first_);
  pass(std::chrono::seconds(2));
  EXPECT_THAT(fresh(first_), ElementsAre("a s silent"));
}

TEST_F(SourcesTest, WhatWasKnownBeforeIsNotToldAgain) {
  exchange_.opened(1);
  exchange_.opened(2);
  come("a", "gone", 1, 1);
  come("a", "here", 1, 2);
  exchange_.ended(1);
  fresh(first_);
  EXPECT_THAT(known("a"), ElementsAre("gone lost", "here alive"));
  watch(0, "a");
  exchange_.ended(2);
  EXPECT_THAT(fresh(first_), ElementsAre("a here lost"));
}

TEST_F(SourcesTest, HeaderlessProducersAreOneSource) {
  watch(0, "a");
  exchange_.opened(1);
  exchange_.opened(2);
  come("a", "", 0, 1);
  come("a", "", 0, 2);
  exchange_.publish({{"a", "1"}}, [](const Published&) {});
  const std::string own(first_.batches[0]->events[0]->source());
  fresh(first_);
  clock_.now += std::chrono::seconds(2);
  exchange_.ended(1);
  EXPECT_THAT(fresh(first_), IsEmpty());
  exchange_.ended(2);
  EXPECT_THAT(fresh(first_), ElementsAre("a " + own + " lost"));
  clock_.now += std::chrono::seconds(2);
  exchange_.publish({{"a", "1"}}, [](const Published&) {});
  EXPECT_THAT(fresh(first_), ElementsAre("a " + own + " alive", "a " + own + ":4"));
}

TEST_F(SourcesTest, WhatIsToldOfSourcesIsNotKept) {
  watch(0, "a");
  exchange_.opened(1);
  come("a", "s", 1, 1);
  const auto all = static_cast<std::size_t>(-1) / 2;
  EXPECT_EQ(exchange_.look().history().newest(*Pattern::parse("a"), 10, all).size(), 1U);
}

TEST_F(SourcesTest, ManyAreToldASliceAtATime) {
  watch(0, "*");
  exchange_.opened(1);
  for (int i = 0; i < 1'000; ++i) come(std::to_string(i), "s", 1, 1);
  clock_.now += std::chrono::seconds(2);
  fresh(first_);
  exchange_.ended(1);
  std::size_t told = 0;
  for (std::size_t now = fresh(first_).size(); now != 0; now = fresh(first_).size()) {
    EXPECT_LE(now, 512U);
    told += now;
    EXPECT_FALSE(exchange_.tend_sources()) << "not at once";
  }
  EXPECT_EQ(told, 1'000U);
}

TEST_F(ExchangeTest, EveryLaneGetsTheSameBatch) {
  accept({arrival("a", "s", 1), arrival("b", "s", 1), arrival("a", "s", 2)});
  EXPECT_THAT(last(), ElementsAre("a s:1", "b s:1", "a s:2"));
  EXPECT_EQ(first_.batches, second_.batches);
  std::size_t bytes = 0;
  for (const EventPtr& event : first_.batches[0]->events) bytes += event->frame().size();
  EXPECT_EQ(first_.batches[0]->frame_bytes, bytes);
  EXPECT_EQ(first_.batches[0]->events[0]->received(), clock_.steady());
  EXPECT_EQ(metrics_.ingest.received(), 3U);
}

TEST_F(ExchangeTest, HeaderlessEventsAreNumberedUnderTheBridgesOwnName) {
  accept({arrival("a"), arrival("a"), arrival("b")});
  const auto& events = first_.batches[0]->events;
  EXPECT_TRUE(is_source(events[0]->source()));
  EXPECT_EQ(events[0]->seq(), 1U);
  EXPECT_EQ(events[1]->seq(), 2U);
  EXPECT_EQ(events[2]->seq(), 1U);
  EXPECT_EQ(events[1]->source(), events[0]->source());
}

TEST_F(ExchangeTest, ItsOwnNameIsOneThatAClientCanGiveBack) {
  for (int i = 0; i < 100; ++i) {
    const Exchange other(std::make_shared<const Config>(), metrics_, clock_);
    ASSERT_TRUE(is_source(other.own_source())) << other.own_source();
  }
}

TEST_F(ExchangeTest, AnotherBridgeHasAnotherName) {
  Lane lane;
  Exchange other(std::make_shared<const Config>(), metrics_, clock_);
  other.post_to({&lane});
  {
    const Exchange::Look look = other.look();
    other.interest(0).begins(*Pattern::parse("a"));
  }
  const Arrival one = arrival("a");
  other.accept(&one, 1);
  accept({one});
  EXPECT_NE(lane.batches[0]->events[0]->source(), first_.batches[0]->events[0]->source());
}

TEST_F(ExchangeTest, DuplicatesGoAndAreCounted) {
  accept({arrival("a", "s", 1), arrival("a", "s", 1), arrival("a", "s", 2)});
  EXPECT_THAT(last(), ElementsAre("a s:1", "a s:2"));
  EXPECT_EQ(duplicates(), 1U);
  accept({arrival("a", "s", 2)});
  EXPECT_EQ(first_.batches.size(), 1U) << "nothing is left to post";
}

TEST_F(ExchangeTest, AJumpIsToldBeforeTheEventThatShowsIt) {
  accept({arrival("a", "s", 1), arrival("a", "s", 5)});
  EXPECT_THAT(last(), ElementsAre("a s:1", "a s:2-4 missing", "a s:5"));
  EXPECT_NE(first_.batches[0]->events[1]->frame().find(R"("missed":3,"reason":"producer")"),
            std::string_view::npos);
  EXPECT_EQ(metrics_.ingest.gaps.value(), 1U);
}

TEST_F(ExchangeTest, EventsOfAllTopicsAreNumberedAsTheyArrive) {
  accept({arrival("a", "s", 1), arrival("b", "s", 1)});
  accept({arrival("a", "s", 5)});
  std::uint64_t before = 0;
  for (const BatchPtr& batch : first_.batches) {
    for (const EventPtr& event : batch->events) {
      if (event->is_gap()) continue;
      EXPECT_GT(event->arrival(), before);
      before = event->arrival();
    }
  }
}

TEST_F(ExchangeTest, ARestartIsMarked) {
  accept({arrival("a", "s", 3, 100), arrival("a", "s", 1, 200)});
  EXPECT_FALSE(first_.batches[0]->events[0]->restart());
  EXPECT_TRUE(first_.batches[0]->events[1]->restart());
}

TEST_F(ExchangeTest, DuplicatesAndForgottenSourcesAreLogged) {
  ::testing::internal::CaptureStderr();
  accept({arrival("a", "s", 1), arrival("a", "s", 1)});
  for (const char* topic : {"b", "c", "d"})
    for (int i = 0; i < 70; ++i) accept({arrival(topic, "source-" + std::to_string(i), 1)});
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("dropped an event on topic \"a\": event 1 of source s"), std::string::npos)
      << said;
  const std::string_view forgotten = "has more sources than limits.sources_per_topic";
  EXPECT_NE(said.find(forgotten), std::string::npos) << said;
  EXPECT_EQ(said.find(forgotten), said.rfind(forgotten)) << "once a topic, and once a second";
  EXPECT_EQ(metrics_.ingest.sources_forgotten.value(), 3 * (70U - 64U));
}

TEST_F(ExchangeTest, ARestartWhoseFirstEventsWereLostTellsThem) {
  accept({arrival("a", "s", 90, 100), arrival("a", "s", 2, 200), arrival("a", "s", 3, 300),
          arrival("a", "s", 4, 400)});
  EXPECT_THAT(last(), ElementsAre("a s:90", "a s:1-3 missing", "a s:4"));
  EXPECT_TRUE(first_.batches[0]->events[2]->restart());
  EXPECT_EQ(duplicates(), 2U);
}

TEST_F(ExchangeTest, TheArrivalsTimeStandsWhereTheProducerGaveNone) {
  accept({arrival("a")});
  EXPECT_NE(first_.batches[0]->events[0]->frame().find(R"("timestamp":"2023-11-14T22:13:20.000Z")"),
            std::string_view::npos);
}

TEST_F(ExchangeTest, PublishTellsIdsAndRecipientsOnceAllLanesHaveDelivered) {
  for (const std::size_t lane : {0U, 1U}) listen(lane, "@user/ada");
  std::vector<Published> told;
  exchange_.publish({{"a", R"({"type":"x"})"}, {"@user/ada", "2"}},
                    [&](Published published) { told.push_back(std::move(published)); });
  ASSERT_EQ(first_.batches.size(), 1U);
  const Batch& batch = *first_.batches[0];
  ASSERT_EQ(batch.events.size(), 2U);
  ASSERT_TRUE(batch.receipt);
  batch.receipt->add(3);
  EXPECT_THAT(told, IsEmpty());
  batch.receipt->add(4);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].recipients, 7U);
  const auto id_of = [](const Event& event) {
    return Position{std::string(event.source()), event.seq()}.text();
  };
  EXPECT_THAT(told[0].ids, ElementsAre(id_of(*batch.events[0]), id_of(*batch.events[1])));
}

// Of what comes without a number each bridge has a count of its own, and would tell gaps of it.
TEST_F(ExchangeTest, WhatIsForTheFleetIsNumberedApartFromWhatComesWithoutANumber) {
  accept({arrival("a"), arrival("a")});
  Publication called{"a", "1"};
  called.for_fleet = true;
  called.sent_ns = 1'600'000'000'000'000'000;
  std::vector<Position> all = exchange_.publish({called, called}, [](const Published&) {});
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].seq, 1U);
  EXPECT_EQ(all[1].seq, 2U);
  accept({arrival("a")});
  const Event& plain = *first_.batches.back()->events[0];
  EXPECT_EQ(plain.seq(), 3U);
  EXPECT_NE(plain.source(), all[0].source);
}

TEST_F(ExchangeTest, WhatAnotherBridgeNumberedKeepsItsNumberAndItsTimeAndComesOnce) {
  Publication called{"a", "1"};
  called.source = "other-f";
  called.seq = 7;
  called.sent_ns = 1'600'000'000'000'000'000;
  std::vector<Position> all = exchange_.publish({called}, [](const Published&) {});
  EXPECT_THAT(all, ElementsAre(Position{"other-f", 7}));
  EXPECT_NE(first_.batches[0]->events[0]->frame().find(R"("timestamp":"2020-09-13T12:26:40.000Z")"),
            std::string_view::npos);
  std::size_t answers = 0;
  EXPECT_THAT(exchange_.publish({called}, [&](const Published&) { ++answers; }), IsEmpty());
  EXPECT_EQ(answers, 1U);
}

TEST_F(ExchangeTest, PublishingNothingStillAnswers) {
  int answers = 0;
  exchange_.publish({}, [&](const Published& published) {
    ++answers;
    EXPECT_EQ(published.recipients, 0U);
  });
  EXPECT_EQ(answers, 1);
  EXPECT_TRUE(first_.batches.empty());
}

TEST_F(ExchangeTest, RoutesHoldFromTheNextEventOn) {
  auto config = std::make_shared<Config>();
  config->routes.emplace_back();
  config->routes.back().match = "a*";
  config->routes.back().format = EventFormat::raw;
  config->routes.back().overflow = Overflow::conflate;
  accept({arrival("a")});
  exchange_.reload(config);
  accept({arrival("a"), arrival("b")});
  EXPECT_FALSE(first_.batches[0]->events[0]->raw());
  EXPECT_EQ(first_.batches[1]->events[0]->frame(),
            "\x82\x01"
            "1")
      << "binary";
  EXPECT_EQ(first_.batches[1]->events[0]->overflow(), Overflow::conflate);
  EXPECT_EQ(first_.batches[1]->events[1]->overflow(), Overflow::drop_oldest);
  EXPECT_EQ(first_.batches[1]->events[0]->seq(), 2U) << "numbers go on";
}

TEST_F(ExchangeTest, WhatIsTakenInIsKeptWhetherOrNotSomebodyListens) {
  accept({arrival("a", "s", 1), arrival("b", "s", 1)});
  EXPECT_EQ(exchange_.look().history().topics(), 2U);
  EXPECT_EQ(metrics_.ingest.topics.value(), 2U);
  accept({arrival("@all", "s", 1), arrival("@user/ada", "s", 1)});
  EXPECT_EQ(metrics_.ingest.topics.value(), 2U)
      << "the bridge's own names are no topics of anybody's";
  EXPECT_GT(metrics_.ingest.history_bytes.value(), 0U);
}

TEST_F(ExchangeTest, WhatIsNotKeptAnyMoreIsNotCountedThoughNothingComes) {
  for (const char* topic : {"a", "b", "c"}) accept({arrival(topic, "s", 1)});
  const std::uint64_t bytes = metrics_.ingest.history_bytes.value();
  auto smaller = std::make_shared<Config>();
  smaller->limits.topics = 1;
  exchange_.reload(smaller);
  EXPECT_EQ(metrics_.ingest.topics.value(), 1U);
  EXPECT_LT(metrics_.ingest.history_bytes.value(), bytes);
  clock_.now += smaller->history.ttl + std::chrono::seconds(1);
  exchange_.sweep();
  EXPECT_EQ(metrics_.ingest.topics.value(), 0U);
}

// A lane is given what is above the cut, and the history has what is not.
TEST_F(ExchangeTest, WhoLooksSeesAllThatArrivedAndNothingElse) {
  accept({arrival("a", "s", 1), arrival("a", "s", 5)});
  const Exchange::Look look = exchange_.look();
  EXPECT_EQ(look.newest_arrival(), first_.batches.back()->events.back()->arrival());
  EXPECT_EQ(look.history().newest(*Pattern::parse("a"), 9, 1 << 20).back()->arrival(),
            look.newest_arrival());
}

TEST_F(ExchangeTest, ATopicThatALaneListensToIsNotForgotten) {
  listen(0, "a");
  listen(1, "a");
  accept({arrival("a", "s", 1), arrival("b", "s", 1)});
  clock_.now += std::chrono::hours(1);
  exchange_.sweep();
  EXPECT_EQ(exchange_.look().history().topics(), 1U);
  exchange_.interest(0).ends(*Pattern::parse("a"));
  EXPECT_EQ(exchange_.look().history().topics(), 1U) << "another lane still does";
  exchange_.interest(1).ends(*Pattern::parse("a"));
  EXPECT_EQ(exchange_.look().history().topics(), 0U);
}

TEST_F(ExchangeTest, WhatIsGivenBackTogetherIsHeldNoLonger) {
  const std::vector<Pattern> both = {*Pattern::parse("a"), *Pattern::parse("b")};
  for (const Pattern& each : both) listen(0, each.text());
  accept({arrival("a", "s", 1), arrival("b", "s", 1)});
  clock_.now += std::chrono::hours(1);
  exchange_.sweep();
  EXPECT_EQ(exchange_.look().history().topics(), 2U);
  exchange_.interest(0).end(both);
  EXPECT_EQ(exchange_.look().history().topics(), 0U);
}

TEST_F(ExchangeTest, ALaneHearsOnlyWhatItListensTo) {
  for (const std::size_t lane : {0U, 1U}) exchange_.interest(lane).ends(*Pattern::parse("*"));
  listen(0, "a");
  listen(0, "b");
  listen(1, "b");
  accept({arrival("c", "s", 1)});
  EXPECT_TRUE(first_.batches.empty()) << "nobody is woken";
  accept({arrival("a", "s", 1), arrival("b", "s", 1), arrival("b", "s", 5), arrival("@all")});
  EXPECT_THAT(last(), ElementsAre("a s:1", "b s:1", "b s:2-4 missing", "b s:5"));
  std::vector<std::string> others;
  for (const EventPtr& event : second_.batches.back()->events) others.push_back(name_of(*event));
  EXPECT_THAT(others, ElementsAre("b s:1", "b s:2-4 missing", "b s:5"));
  exchange_.interest(1).ends(*Pattern::parse("b"));
  listen(1, "a*");
  accept({arrival("a", "s", 2), arrival("b", "s", 6)});
  EXPECT_THAT(last(), ElementsAre("a s:2", "b s:6"));
  EXPECT_EQ(name_of(*second_.batches.back()->events.at(0)), "a s:2");
  EXPECT_EQ(second_.batches.back()->events.size(), 1U);
  accept({arrival("a", "s", 3)});
  EXPECT_EQ(first_.batches.back(), second_.batches.back()) << "shared where both want it all";
  exchange_.interest(1).ends(*Pattern::parse("a*"));
  clock_.now += std::chrono::seconds(10);
  exchange_.sweep();
  accept({arrival("a", "s", 4)});
  EXPECT_EQ(second_.batches.size(), 3U);
}

TEST_F(ExchangeTest, PatternsThatComeAndGoHideNoTopicFromWhoStays) {
  listen(1, "a*");
  for (int i = 0; i < 100; ++i) {
    const std::string name = "p" + std::to_string(i) + "*";
    exchange_.interest(0).ends(*Pattern::parse("*"));
    listen(0, name);
    exchange_.interest(0).ends(*Pattern::parse(name));
    listen(0, "*");
    accept({arrival("a", "s", static_cast<std::uint64_t>(i) + 1)});
    EXPECT_EQ(first_.batches.size(), static_cast<std::size_t>(i) + 1);
    EXPECT_EQ(second_.batches.size(), static_cast<std::size_t>(i) + 1);
    if (i % 10 != 0) continue;
    clock_.now += std::chrono::seconds(10);
    exchange_.sweep();
  }
}

TEST_F(ExchangeTest, APublicationThatNoLaneListensToIsAnsweredAtOnce) {
  for (const std::size_t lane : {0U, 1U}) exchange_.interest(lane).ends(*Pattern::parse("*"));
  std::optional<Published> published;
  std::promise<void> looked;
  std::thread other;
  bool open = false;
  exchange_.publish({{"a", "1"}}, [&](Published done) {
    other = std::thread([&] {
      exchange_.look();
      looked.set_value();
    });
    open = looked.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready;
    published = std::move(done);
  });
  other.join();
  EXPECT_TRUE(open) << "who is answered may ask for more";
  ASSERT_TRUE(published);
  EXPECT_EQ(published->recipients, 0U);
  EXPECT_EQ(published->ids.size(), 1U);
}

// --- what an archive keeps and knows -------------------------------------------------------------

struct Kept final : Archive {
  void keep(const BatchPtr& batch) noexcept override { batches.push_back(batch); }
  SteadyTime began() const noexcept override { return {}; }
  bool may_know(std::string_view) noexcept override { return true; }
  void read(const std::vector<std::string>&, std::function<void()>) override {}
  std::vector<BatchPtr> batches;
};

class ArchiveTest : public SourcesTest {
 protected:
  // The archive knows events 1 to `newest` of "s" on "a", which other bridges heard just now.
  bool fill(std::uint64_t newest, SteadyTime::duration age = std::chrono::milliseconds(500),
            std::int64_t heard_ns = 0) {
    Past past;
    past.topic = "a";
    past.known_since = clock_.now - std::chrono::hours(1);
    past.sources.emplace_back();
    past.sources[0].name = "s";
    past.sources[0].newest = newest;
    past.sources[0].newest_ns = heard_ns;
    for (std::uint64_t seq = 1; seq <= newest; ++seq) {
      Event::Fields fields;
      fields.topic = "a";
      fields.source = "s";
      fields.seq = fields.last_seq = seq;
      fields.received = clock_.now - age;
      const std::string what = heard_ns == 0 ? R"("message","topic":"a","data":1,"timestamp":"...")"
                                             : R"("x","topic":"a")";
      const std::string text = R"({"type":)" + what + R"(,"@id":"s:)" + std::to_string(seq) + "\"}";
      const std::string frame = "\x81" + std::string(1, static_cast<char>(text.size())) + text;
      past.sources[0].events.push_back(Event::make(fields, {frame}));
    }
    return exchange_.fill(past);
  }
  std::size_t recovered_since(const std::string& position) {
    const Exchange::Look look = exchange_.look();
    const Recovery recovery =
        look.history().recover("a", {*Position::parse(position)}, 100, std::size_t{1} << 20);
    return recovery.recovered ? recovery.events.size() : 999;
  }
};

TEST_F(ArchiveTest, IsGivenWhatTheLanesAreGiven) {
  Kept archive;
  exchange_.keep_in(&archive);
  accept({arrival("a", "s", 1), arrival("b", "s", 1)});
  EXPECT_EQ(archive.batches, first_.batches);
}

TEST_F(ArchiveTest, IsGivenWhatNobodyIsThereForToo) {
  Kept archive;
  exchange_.keep_in(&archive);
  accept({arrival("@user/away", "s", 1)});
  EXPECT_THAT(first_.batches, IsEmpty());
  ASSERT_EQ(archive.batches.size(), 1U);
  EXPECT_EQ(name_of(*archive.batches[0]->events[0]), "@user/away s:1");
}

TEST_F(ArchiveTest, ASourceGoesOnBehindWhatTheArchiveKnows) {
  ASSERT_TRUE(fill(3));
  accept({arrival("a", "s", 4)});
  EXPECT_THAT(last(), ElementsAre("a s:4"));
  EXPECT_EQ(recovered_since("s:1"), 3U);
}

TEST_F(ArchiveTest, ASourceThatWasNeverHeardHereIsNotAlive) {
  ASSERT_TRUE(fill(3));
  EXPECT_THAT(known("a"), ElementsAre("s lost"));
}

TEST_F(ArchiveTest, WhatIsMissingBehindItIsTold) {
  ASSERT_TRUE(fill(3));
  accept({arrival("a", "s", 6)});
  EXPECT_THAT(last(), ElementsAre("a s:4-5 missing", "a s:6"));
  EXPECT_EQ(recovered_since("s:1"), 999U);
}

TEST_F(ArchiveTest, WhatComesAfterTheArchiveBroughtItIsToldOnceAndNotGivenAgain) {
  ASSERT_TRUE(fill(3));
  accept({arrival("a", "s", 2), arrival("a", "s", 3), arrival("a", "s", 4)});
  EXPECT_THAT(last(), ElementsAre("a s:2-3 missing", "a s:4"));
  EXPECT_EQ(duplicates(), 2U);
  EXPECT_EQ(recovered_since("s:1"), 3U);  // it is all here
}

TEST_F(ArchiveTest, WhatComesLateIsToldToThoseWhoListenedBeforeTheArchiveBroughtIt) {
  const std::uint64_t before = exchange_.look().newest_arrival();
  ASSERT_TRUE(fill(3));
  const std::uint64_t after = exchange_.look().newest_arrival();
  accept({arrival("a", "s", 2)});
  const Event& told = *first_.batches.back()->events.at(0);
  EXPECT_TRUE(is_late_gap(told));
  EXPECT_LT(before, told.arrival());
  EXPECT_GE(after, told.arrival());
}

TEST_F(ArchiveTest, AProducerWhoseClockIsAheadDoesNotBeginAgainWithEachEventThatComesLate) {
  const std::int64_t heard = std::chrono::nanoseconds(clock_.wall().time_since_epoch()).count();
  ASSERT_TRUE(fill(5, std::chrono::minutes(1), heard));
  const auto sent = [&](std::uint64_t seq, std::int64_t ahead_ms, const char* payload) {
    Arrival made = arrival("a", "s", seq, heard + ahead_ms * 1'000'000);
    made.payload = payload;
    return made;
  };
  const char* const same = R"({"type":"x"})";
  accept({sent(1, 10, same), sent(2, 11, same), sent(3, 12, same), sent(4, 13, same),
          sent(5, 14, same), sent(6, 15, same)});
  EXPECT_THAT(last(), ElementsAre("a s:1-5 missing", "a s:6"));
  EXPECT_EQ(duplicates(), 5U);
}

TEST_F(ArchiveTest, AProducerThatBeginsAgainAtOnceIsKnownByWhatItSays) {
  const std::int64_t heard = std::chrono::nanoseconds(clock_.wall().time_since_epoch()).count();
  ASSERT_TRUE(fill(3, std::chrono::minutes(1), heard));
  Arrival again = arrival("a", "s", 1, heard + 10'000'000);
  again.payload = R"({"type":"y"})";
  accept({again});
  EXPECT_THAT(last(), ElementsAre("a s:1"));
  EXPECT_EQ(recovered_since("s:3"), 999U);
}

TEST_F(ArchiveTest, AProducerThatBeginsAgainLaterIsHeardThoughItSaysTheSame) {
  const std::int64_t heard = std::chrono::nanoseconds(clock_.wall().time_since_epoch()).count();
  ASSERT_TRUE(fill(3, std::chrono::minutes(1), heard));
  Arrival again = arrival("a", "s", 1, heard + std::int64_t{6'000'000'000});
  again.payload = R"({"type":"x"})";
  accept({again});
  EXPECT_THAT(last(), ElementsAre("a s:1"));
}

TEST_F(ArchiveTest, ASourceThatSaysNoTimesAndBeginsAgainIsHeard) {
  ASSERT_TRUE(fill(3));
  Arrival again = arrival("a", "s", 1);
  again.payload = "another";
  accept({again, arrival("a", "s", 2)});
  EXPECT_THAT(last(), ElementsAre("a s:1", "a s:2"));
  EXPECT_EQ(duplicates(), 0U);
  EXPECT_EQ(recovered_since("s:1"), 1U);
  EXPECT_EQ(recovered_since("s:3"), 999U);
}

TEST_F(ArchiveTest, ItIsHeardThoughItSaysTheSameAgainOrItsFirstEventsAreLost) {
  ASSERT_TRUE(fill(3, std::chrono::seconds(6)));
  accept({arrival("a", "s", 2)});
  EXPECT_THAT(last(), ElementsAre("a s:1-1 missing", "a s:2"));
}

TEST_F(ArchiveTest, WhatComesLateIsKnownAgainThoughItHadToStandBeforeWhatWasHeardHere) {
  accept({arrival("a", "other", 1)});
  clock_.now += std::chrono::seconds(3);
  ASSERT_TRUE(fill(3));
  accept({arrival("a", "s", 3)});
  EXPECT_THAT(last(), ElementsAre("a s:3-3 missing"));
  EXPECT_EQ(duplicates(), 1U);
  clock_.now += std::chrono::seconds(6);
  accept({arrival("a", "s", 3)});
  EXPECT_THAT(last(), ElementsAre("a s:1-2 missing", "a s:3"));
}

TEST_F(ArchiveTest, ThatTheFirstEventIsTheSameProvesNothingOfTheNext) {
  ASSERT_TRUE(fill(3));
  Arrival second = arrival("a", "s", 2);
  second.payload = "another";
  accept({arrival("a", "s", 1), second});
  EXPECT_THAT(last(), ElementsAre("a s:1-3 missing", "a s:1-1 missing", "a s:2"));
}

TEST_F(ArchiveTest, WhatWasSentBeforeAnybodyListenedHereIsNotMissed) {
  ASSERT_TRUE(fill(3));
  const std::int64_t start = std::chrono::nanoseconds(clock_.wall().time_since_epoch()).count();
  accept({arrival("a", "s", 1, start - 2), arrival("a", "s", 2, start - 1)});  // repaired
  EXPECT_THAT(first_.batches, IsEmpty());
  accept({arrival("a", "s", 3, start + 1), arrival("a", "s", 4, start + 2)});
  EXPECT_THAT(last(), ElementsAre("a s:3-3 missing", "a s:4"));
}

TEST_F(ArchiveTest, WhatIsHeardHereIsToldLiveHoweverFarTheArchiveIs) {
  accept({arrival("a", "s", 2)});
  ASSERT_TRUE(fill(4));
  accept({arrival("a", "s", 3), arrival("a", "s", 4)});
  EXPECT_THAT(last(), ElementsAre("a s:3", "a s:4"));
  EXPECT_EQ(recovered_since("s:1"), 3U);
}

// One lane listens to all topics, the other to "b" alone.
class ShortOfMemoryTest : public ::testing::Test {
 protected:
  ShortOfMemoryTest() {
    exchange_.post_to({&all_, &part_});
    const Exchange::Look look = exchange_.look();
    exchange_.interest(0).begins(*Pattern::parse("*"));
    exchange_.interest(1).begins(*Pattern::parse("b"));
  }

  // Of "a" and "b" from one source, and of "own" without a number.
  void come(std::uint64_t seq, std::size_t passed = plenty) {
    std::vector<Arrival> arrivals(3);
    for (std::size_t i = 0; i < 3; ++i) arrivals[i].topic = topics[i];
    for (Arrival& each : arrivals) each.payload = "1";
    for (std::size_t i = 0; i < 2; ++i) {
      arrivals[i].source = source;
      arrivals[i].seq = seq;
    }
    const ShortMemory memory(passed);
    exchange_.accept(arrivals.data(), arrivals.size());
  }

  // How far a listener to the topic can count, by events and by gaps, without missing one.
  static std::uint64_t told(const Lane& lane, std::string_view topic) {
    std::uint64_t to = 0;
    for (const BatchPtr& batch : lane.batches) {
      for (const EventPtr& event : batch->events) {
        if (event->topic() != topic) continue;
        if (event->seq() != to + 1) return 0;
        to = event->last_seq();
      }
    }
    return to;
  }
  // Whether who is said to have recovered has all that was numbered since.
  bool recovers_truly(const std::string& topic, const std::string& from, std::uint64_t newest) {
    const Exchange::Look look = exchange_.look();
    for (const Position& each : look.history().positions(topic))
      if (each.source.empty()) return false;
    for (std::uint64_t since = 1; since <= newest; ++since) {
      const Recovery recovery =
          look.history().recover(topic, {{from, since}}, 1'000, std::size_t{1} << 20);
      if (recovery.recovered && recovery.events.size() != newest - since) return false;
    }
    return true;
  }

  static constexpr std::size_t plenty = 1'000'000;
  static constexpr const char* source = "a source with a long name";
  static constexpr std::array<std::string_view, 3> topics{"a", "b", "own"};

  Lane all_;
  Lane part_;
  Metrics metrics_{2};
  Exchange exchange_{std::make_shared<const Config>(), metrics_};
};

TEST_F(ShortOfMemoryTest, WhatIsLostIsToldAndTakesNothingElseWithIt) {
  std::uint64_t seq = 0;
  for (std::size_t passed = 0; passed < 80; ++passed) {
    come(++seq);
    come(++seq, passed);
  }
  come(++seq);
  for (const std::string_view topic : {"a", "b"}) {
    EXPECT_EQ(told(all_, topic), seq) << topic;
    EXPECT_TRUE(recovers_truly(std::string(topic), source, seq)) << topic;
  }
  EXPECT_EQ(told(part_, "b"), seq);
  const std::uint64_t numbered = told(all_, "own");
  EXPECT_GT(numbered, seq / 2) << "a drain for which there was no memory at all has no numbers";
  EXPECT_TRUE(recovers_truly("own", exchange_.own_source(), numbered));
}

TEST_F(ShortOfMemoryTest, WhatCameBeforeAPublicationThatFailsReachesItsListeners) {
  const auto ignored = [](const Published&) {};
  const std::vector<Publication> three{{"a", "1"}, {"a", "2"}, {"a", "3"}};
  exchange_.publish({{"a", "0"}}, ignored);  // what reads payloads allocates at its first call
  for (std::size_t passed = 0; passed < 60; ++passed) {
    try {
      const ShortMemory memory(passed);
      exchange_.publish(three, ignored);
    } catch (const std::bad_alloc&) {
      continue;
    }
  }
  exchange_.publish({{"a", "4"}}, ignored);
  const std::uint64_t numbered = told(all_, "a");
  EXPECT_GT(numbered, 60U);
  EXPECT_TRUE(recovers_truly("a", exchange_.own_source(), numbered));
}

// They are kept anew, since one of each key is enough from then on.
TEST_F(ShortOfMemoryTest, EventsThatAReloadLosesAreNotSaidToBeRecovered) {
  auto conflated = std::make_shared<Config>();
  conflated->routes.resize(1);
  conflated->routes[0].match = "*";
  conflated->routes[0].overflow = Overflow::conflate;
  conflated->routes[0].key = "id";  // none has one, so all are left
  std::uint64_t seq = 0;
  int failed = 0;
  for (std::size_t passed = 0; passed < 40; ++passed) {
    for (int i = 0; i < 5; ++i) come(++seq);
    try {
      const ShortMemory memory(passed);
      exchange_.reload(conflated);
    } catch (const std::bad_alloc&) {
      ++failed;
    }
    ASSERT_TRUE(recovers_truly("a", source, seq)) << passed;
    exchange_.reload(std::make_shared<Config>());
  }
  EXPECT_GT(failed, 0);
}

// Found by the address sanitizer, where the sources ask routes that are gone.
TEST_F(ShortOfMemoryTest, AReloadThatFailsLeavesRoutesThatCanBeAsked) {
  for (std::size_t passed = 0; passed < 40; ++passed) {
    for (int topic = 0; topic < 20; ++topic) {
      Arrival made;
      const std::string name = "t" + std::to_string(topic);
      made.topic = name;
      made.payload = "1";
      exchange_.accept(&made, 1);
    }
    auto config = std::make_shared<Config>();
    config->limits.topics = 1 + passed % 2;
    config->routes.resize(1 + passed % 2);
    config->routes[0].match = "t*";
    try {
      const ShortMemory memory(passed);
      exchange_.reload(config);
    } catch (const std::bad_alloc&) {
      come(1 + passed);
    }
  }
  come(100);
  EXPECT_EQ(all_.batches.back()->events.back()->topic(), "own");
}

}  // namespace
}  // namespace zws
