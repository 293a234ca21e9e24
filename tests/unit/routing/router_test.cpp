// Who wants this event: each subscriber once, in order, in one piece.
#include "routing/router.hpp"

#include <gmock/gmock.h>
#include <time.h>

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <tuple>

#include "support/listener.hpp"

namespace zws {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

Pattern pattern(const std::string& text) { return Pattern::parse(text).value(); }

// What the lane listens to.
class Interests final : public Interest {
 public:
  void begins(const Pattern& pattern) override {
    if (fails) throw std::bad_alloc();
    EXPECT_TRUE(all.insert(name(pattern)).second);
  }
  void ends(const Pattern& pattern) noexcept override { EXPECT_EQ(all.erase(name(pattern)), 1U); }
  void watch_begins(const Pattern& pattern) override {
    if (fails) throw std::bad_alloc();
    EXPECT_TRUE(watched.insert(name(pattern)).second);
    EXPECT_EQ(all.count(name(pattern)), 1U);
  }
  void watch_ends(const Pattern& pattern) noexcept override {
    EXPECT_EQ(watched.erase(name(pattern)), 1U);
  }

  std::set<std::string> all;
  std::set<std::string> watched;
  bool fails = false;

 private:
  // Where a pattern stops is part of what it is.
  static std::string name(const Pattern& pattern) {
    return pattern.stop() == 0 ? pattern.text() : pattern.text() + " up to " + pattern.stop();
  }
};

class RouterTest : public ::testing::Test {
 protected:
  ~RouterTest() override {
    for (Listener* listener : {&ada_, &bob_}) router_.leave(*listener);
  }
  std::size_t publish(const std::vector<Made>& made) {
    std::vector<EventPtr> events;
    for (const Made& one : made) events.push_back(make_event(one));
    return router_.publish(events);
  }

  LaneMetrics metrics_;
  Interests interests_;
  Router router_{interests_, metrics_};
  Listener ada_;
  Listener bob_;
};

TEST_F(RouterTest, AGapIsOfferedAndIsNoDelivery) {
  Event::Fields missing;
  missing.topic = "a";
  missing.topic_hash = topic_hash("a");
  missing.source = "s";
  missing.seq = missing.last_seq = 1;
  router_.subscribe(ada_, pattern("a"));
  router_.subscribe(bob_, pattern("*"));
  const EventPtr gap = Renderer::gap(missing, "producer");
  const EventPtr event = make_event({"a", 2});
  EXPECT_EQ(router_.publish({gap, event}), 2U);
  EXPECT_EQ(router_.publish({gap}), 0U);
  EXPECT_EQ(ada_.event_bytes, event->frame().size());
  std::uint64_t observed = 0;
  for (const Counter& bucket : metrics_.latency.counts) observed += bucket.value();
  EXPECT_EQ(observed, 1U) << "nor is it late: it never came";
  EXPECT_THAT(ada_.heard, ElementsAre("a s:1-1 missing", "a s:2", "a s:1-1 missing"));
}

TEST_F(RouterTest, WhatNobodyWantsAnyMoreIsGivenBackAFewAtOnceAndHeardByNobodyMeanwhile) {
  int told = 0;
  router_.give_back_later([&] { ++told; });
  for (int i = 0; i < 100; ++i) router_.subscribe(ada_, pattern("t" + std::to_string(i)));
  router_.subscribe(ada_, pattern("p:*"));
  router_.leave(ada_);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(publish({{"t1", 1}, {"p:1", 1}}), 0U);
  EXPECT_THAT(router_.names_after("", 200), IsEmpty());
  EXPECT_EQ(interests_.all.size(), 101U) << "the lane listens on";

  router_.subscribe(bob_, pattern("t7"));
  EXPECT_TRUE(router_.give_back());
  EXPECT_THAT(interests_.all,
              ::testing::SizeIs(::testing::AllOf(::testing::Ge(101U - 64U), ::testing::Lt(101U))));
  EXPECT_FALSE(router_.give_back());
  EXPECT_THAT(interests_.all, UnorderedElementsAre("t7"));
  EXPECT_EQ(publish({{"t7", 1}}), 1U);

  router_.leave(bob_);
  router_.subscribe(ada_, pattern("t7"));
  router_.leave(ada_);
  EXPECT_EQ(told, 2);
  EXPECT_FALSE(router_.give_back());
  EXPECT_THAT(interests_.all, IsEmpty());
  EXPECT_EQ(router_.topics() + router_.patterns(), 0U);
  EXPECT_EQ(metrics_.subscriptions.value(), 0U);
}

TEST_F(RouterTest, WhatIsToldOfSourcesIsForThoseWhoAsked) {
  Event::Fields lost;
  lost.topic = "a";
  lost.topic_hash = topic_hash("a");
  lost.source = "s";
  const EventPtr marker = Renderer::source(lost, "lost", 0);
  router_.expect(pattern("a"), true);
  EXPECT_THAT(interests_.watched, ElementsAre("a")) << "before anybody is there";
  for (Listener* each : {&ada_, &bob_}) router_.subscribe(*each, pattern("a"));
  router_.subscribe(ada_, pattern("*"));
  router_.tell_sources(ada_, pattern("a"));
  router_.no_longer_expected(pattern("a"), true);
  EXPECT_TRUE(router_.is_told_sources(ada_, pattern("a")));
  EXPECT_FALSE(router_.is_told_sources(ada_, pattern("*")));
  EXPECT_EQ(router_.publish({make_event({"a", 1}), marker, make_event({"a", 2})}), 4U);
  EXPECT_EQ(router_.publish({marker}), 0U) << "no delivery";
  EXPECT_THAT(ada_.heard, ElementsAre("a s:1", "a s lost", "a s:2", "a s lost"));
  EXPECT_THAT(bob_.heard, ElementsAre("a s:1", "a s:2"));
  EXPECT_EQ(router_.load("a").events, 2U);
  router_.unsubscribe(ada_, pattern("a"));
  EXPECT_THAT(interests_.watched, IsEmpty());
  router_.publish({marker});
  EXPECT_EQ(ada_.heard.size(), 4U);
}

TEST_F(RouterTest, WhoLeavesIsNoLongerToldOfSources) {
  router_.expect(pattern("a:*"), true);
  for (Listener* each : {&ada_, &bob_}) {
    router_.subscribe(*each, pattern("a:*"));
    router_.tell_sources(*each, pattern("a:*"));
    router_.tell_sources(*each, pattern("a:*"));
  }
  router_.no_longer_expected(pattern("a:*"), true);
  router_.leave(ada_);
  EXPECT_THAT(interests_.watched, ElementsAre("a:*"));
  router_.leave(bob_);
  EXPECT_THAT(interests_.watched, IsEmpty());
}

TEST_F(RouterTest, ATopicsSubscribersGetItsEventsAndNoOthers) {
  EXPECT_TRUE(router_.subscribe(ada_, pattern("import:task-1")).fresh);
  router_.subscribe(bob_, pattern("import:task-10"));
  EXPECT_EQ(publish({{"import:task-1", 1}, {"import:task-10", 1}, {"import", 1}}), 2U);
  EXPECT_THAT(ada_.heard, ElementsAre("import:task-1 s:1"));
  EXPECT_THAT(bob_.heard, ElementsAre("import:task-10 s:1"));
  EXPECT_EQ(metrics_.subscriptions.value(), 2U);
}

TEST_F(RouterTest, OverlappingSubscriptionsGiveAnEventOnce) {
  for (const char* text : {"a:b", "a:*", "*", "*:b"}) router_.subscribe(ada_, pattern(text));
  EXPECT_EQ(publish({{"a:b", 1}, {"a:c", 1}}), 2U);
  EXPECT_THAT(ada_.heard, ElementsAre("a:b s:1", "a:c s:1"));
}

TEST_F(RouterTest, WhatIsInUseIsCountedHoweverItIsHeard) {
  for (const char* text : {"a:b", "a:*", "*"}) router_.subscribe(ada_, pattern(text));
  router_.subscribe(bob_, pattern("a:*"));
  publish({{"a:b", 1}, {"a:c", 1}, {"x", 1}});
  const auto load = [&](const std::string& name) {
    const TopicLoad found = router_.load(name);
    EXPECT_EQ(found.topic, name);
    return std::make_tuple(found.pattern, static_cast<int>(found.subscribers),
                           static_cast<int>(found.events));
  };
  EXPECT_EQ(load("a:b"), std::make_tuple(false, 2, 1)) << "each once";
  EXPECT_EQ(load("a:c"), std::make_tuple(false, 2, 0)) << "the history knows its events";
  EXPECT_EQ(load("x"), std::make_tuple(false, 1, 0));
  EXPECT_EQ(load("a:*"), std::make_tuple(true, 2, 2));
  EXPECT_EQ(load("*"), std::make_tuple(true, 1, 3));
  EXPECT_EQ(load("@all"), std::make_tuple(false, 0, 0)) << "no pattern matches it";
  std::vector<std::pair<std::string, std::uint64_t>> events;
  EXPECT_FALSE(router_.each_after("", [&](const std::string& name, std::uint64_t count) {
    events.emplace_back(name, count);
    return true;
  }));
  EXPECT_THAT(events, ElementsAre(Pair("*", 3), Pair("a:*", 2), Pair("a:b", 1)));
  EXPECT_THAT(router_.names_after("", 9), ElementsAre("*", "a:*", "a:b"));
  EXPECT_THAT(router_.names_after("*", 1), ElementsAre("a:*"));
  EXPECT_EQ(router_.patterns(), 2U);
  router_.leave(ada_);
  EXPECT_THAT(router_.names_after("", 9), ElementsAre("a:*"));
  router_.leave(bob_);
  EXPECT_EQ(router_.patterns(), 0U);
}

TEST_F(RouterTest, ALongTurnIsInterruptedNowAndThen) {
  std::vector<Listener> crowd(1000);
  for (Listener& one : crowd) router_.subscribe(one, pattern("a"));
  const auto heard = [&] {
    return std::count_if(crowd.begin(), crowd.end(),
                         [](const Listener& one) { return !one.heard.empty(); });
  };
  std::vector<std::ptrdiff_t> served;
  router_.publish({make_event({"a", 1})}, [&] { served.push_back(heard()); });
  ASSERT_FALSE(served.empty());
  std::ptrdiff_t before = 0;
  for (const std::ptrdiff_t now : served) {
    EXPECT_LE(now - before, 100);
    before = now;
  }
  EXPECT_EQ(heard(), 1000);
  for (Listener& one : crowd) router_.leave(one);
}

TEST_F(RouterTest, OneTurnComesInOnePieceAndInOrder) {
  for (const char* text : {"b", "a", "c"}) router_.subscribe(ada_, pattern(text));
  router_.subscribe(bob_, pattern("b"));
  publish({{"a", 1}, {"b", 1}, {"x", 1}, {"a", 2}, {"c", 1}, {"b", 2}});
  EXPECT_THAT(ada_.heard, ElementsAre("a s:1", "b s:1", "a s:2", "c s:1", "b s:2"));
  EXPECT_EQ(ada_.deliveries, 1);
  EXPECT_TRUE(ada_.sound);
  EXPECT_THAT(bob_.heard, ElementsAre("b s:1", "b s:2"));
  EXPECT_EQ(bob_.deliveries, 1);
}

TEST_F(RouterTest, SubscribingTwiceChangesNothing) {
  router_.subscribe(ada_, pattern("a"));
  EXPECT_FALSE(router_.subscribe(ada_, pattern("a")).fresh);
  publish({{"a", 1}});
  EXPECT_THAT(ada_.heard, ElementsAre("a s:1"));
  EXPECT_TRUE(router_.unsubscribe(ada_, pattern("a")));
  EXPECT_FALSE(router_.unsubscribe(ada_, pattern("a")));
  publish({{"a", 2}});
  EXPECT_EQ(ada_.heard.size(), 1U);
  EXPECT_EQ(metrics_.subscriptions.value(), 0U);
}

TEST_F(RouterTest, WhoLeavesHearsNothingMore) {
  for (const char* text : {"a", "a*", "b"}) {
    router_.subscribe(ada_, pattern(text));
    router_.subscribe(bob_, pattern(text));
  }
  router_.leave(ada_);
  EXPECT_EQ(ada_.subscriptions(), 0U);
  EXPECT_EQ(publish({{"a", 1}}), 1U);
  EXPECT_THAT(ada_.heard, IsEmpty());
  EXPECT_THAT(bob_.heard, ElementsAre("a s:1"));
  router_.leave(bob_);
  EXPECT_EQ(router_.topics(), 0U);
}

TEST_F(RouterTest, NoPatternMatchesTheBridgesOwnNames) {
  router_.subscribe(ada_, pattern("*"));
  router_.subscribe(bob_, pattern("@all"));
  publish({{"@all", 1}});
  EXPECT_THAT(ada_.heard, IsEmpty());
  EXPECT_THAT(bob_.heard, ElementsAre("@all s:1"));
}

TEST_F(RouterTest, WhatAnImplicitSubscriptionBroughtIsKnownByItsArrival) {
  const auto arrived = [](std::uint64_t seq, std::uint64_t arrival) {
    Made made{"@all", seq};
    made.arrival = arrival;
    return made;
  };
  publish({arrived(1, 3), arrived(2, 7)});
  router_.subscribe(ada_, pattern("@all"), true, 7);
  publish({arrived(3, 8), arrived(4, 12)});
  EXPECT_EQ(router_.subscribe(ada_, pattern("@all")).had_live_after, 7U);
  EXPECT_GT(router_.subscribe(bob_, pattern("@all")).had_live_after, 12U) << "nothing yet";
}

TEST_F(RouterTest, AnImplicitSubscriptionOutlivesTheAskedOne) {
  router_.subscribe(ada_, pattern("@all"), true);
  publish({{"@all", 1}, {"@all", 2}});
  EXPECT_FALSE(router_.asked(ada_, pattern("@all")));
  const Router::Joined joined = router_.subscribe(ada_, pattern("@all"));
  EXPECT_TRUE(joined.fresh);
  EXPECT_EQ(joined.had_live_after, 0U) << "it was there from the beginning";
  EXPECT_TRUE(router_.asked(ada_, pattern("@all")));
  EXPECT_THAT(router_.subscriptions(ada_), ElementsAre(pattern("@all")));
  router_.tell_sources(ada_, pattern("@all"));
  EXPECT_TRUE(router_.unsubscribe(ada_, pattern("@all")));
  EXPECT_FALSE(router_.is_told_sources(ada_, pattern("@all"))) << "which it had asked for";
  EXPECT_THAT(interests_.watched, IsEmpty());
  EXPECT_THAT(router_.subscriptions(ada_), IsEmpty());
  publish({{"@all", 3}});
  EXPECT_EQ(ada_.heard.size(), 3U);
}

TEST_F(RouterTest, WhatNobodyAskedForIsNoSubscription) {
  router_.subscribe(ada_, pattern("@all"), true);
  EXPECT_EQ(metrics_.subscriptions.value(), 0U);
  for (int i = 0; i < 2; ++i) router_.subscribe(ada_, pattern("@all"));
  router_.subscribe(bob_, pattern("@all"));
  router_.subscribe(bob_, pattern("@all"), true);
  EXPECT_EQ(metrics_.subscriptions.value(), 2U);
  EXPECT_EQ(router_.topics() - router_.reserved_topics(), 0U);
  for (Listener* each : {&ada_, &bob_}) router_.leave(*each);
  EXPECT_EQ(metrics_.subscriptions.value(), 0U);
  EXPECT_EQ(router_.topics() - router_.reserved_topics(), 0U);
}

TEST_F(RouterTest, ANameIsListedOnceHoweverFarItsPatternsReach) {
  for (const char stop : {'.', ':', '\0'})
    router_.subscribe(ada_, pattern("a:*").stopping_at(stop));
  router_.subscribe(bob_, pattern("b:*").stopping_at(':'));
  router_.subscribe(bob_, pattern("c"));
  EXPECT_THAT(router_.names_after("", 3), ElementsAre("a:*", "b:*", "c"));
  EXPECT_THAT(router_.names_after("a:*", 1), ElementsAre("b:*"));
  EXPECT_EQ(router_.load("a:*").subscribers, 3U);
  router_.leave(ada_);

  for (const char stop : {'.', ':'}) router_.subscribe(ada_, pattern("a:*").stopping_at(stop));
  publish({{"a:b", 1}});
  const TopicLoad load = router_.load("a:*", SteadyTime{});
  EXPECT_EQ(load.events, 1U) << "it came once, however many of them it was for";
  EXPECT_DOUBLE_EQ(load.rate, 0.1);
}

TEST_F(RouterTest, KnowsWhatASubscriberReceives) {
  router_.subscribe(ada_, pattern("a:*"));
  router_.subscribe(ada_, pattern("a:b"));
  EXPECT_TRUE(router_.receives(ada_, "a:x"));
  EXPECT_FALSE(router_.receives(ada_, "b"));
  const Router::Own own(router_, ada_);
  EXPECT_TRUE(own.since_besides("a:b", pattern("a:b")));
  EXPECT_FALSE(own.since_besides("a:x", pattern("a:*")));
  EXPECT_THAT(router_.subscriptions(ada_), UnorderedElementsAre(pattern("a:*"), pattern("a:b")));
}

TEST_F(RouterTest, WhoIsExpectedKeepsTheLaneListening) {
  router_.expect(pattern("a"));
  router_.expect(pattern("b:*"));
  EXPECT_THAT(interests_.all, UnorderedElementsAre("a", "b:*"));
  router_.subscribe(ada_, pattern("a"));
  router_.unsubscribe(ada_, pattern("a"));
  EXPECT_THAT(interests_.all, UnorderedElementsAre("a", "b:*"));
  EXPECT_EQ(publish({{"a", 1}, {"b:c", 1}}), 0U) << "nobody has joined yet";
  router_.subscribe(bob_, pattern("b:*"));
  router_.no_longer_expected(pattern("a"));
  router_.no_longer_expected(pattern("b:*"));
  EXPECT_THAT(interests_.all, UnorderedElementsAre("b:*"));
  EXPECT_EQ(publish({{"a", 2}, {"b:c", 2}}), 1U);
}

TEST_F(RouterTest, WhatAnotherSubscriptionBringsIsKnownByItsArrival) {
  router_.subscribe(ada_, pattern("a:*"), false, 9);
  router_.subscribe(ada_, pattern("a:b"), false, 5);
  router_.subscribe(bob_, pattern("a:b"), false, 1);
  const auto besides = [this](const Pattern& one) {
    return Router::Own(router_, ada_).since_besides("a:b", one);
  };
  EXPECT_EQ(besides(pattern("*")), 5U);
  EXPECT_EQ(besides(pattern("a:b")), 9U);
  router_.note_recovered(ada_, pattern("a:*"), 12);
  EXPECT_EQ(besides(pattern("a:b")), 0U) << "it has had it all";
}

TEST_F(RouterTest, ToWhichOfItsSubscriptionsATopicBelongsIsToldByTheirPlaces) {
  router_.subscribe(bob_, pattern("a:*"));
  for (const char* each : {"c", "a:*", "*", "a:b"}) router_.subscribe(ada_, pattern(each));
  const auto places = [this](const std::string& topic) {
    std::set<std::size_t> all;
    Router::Own(router_, ada_).each_place(topic, [&all](std::size_t place) { all.insert(place); });
    return all;
  };
  EXPECT_THAT(places("a:b"), ElementsAre(1, 2, 3));
  EXPECT_THAT(places("c"), ElementsAre(0, 2));
  EXPECT_THAT(places("@all"), IsEmpty());
}

// Of ten segments each stands as it is, or as '*': all of them belong to the one topic.
std::vector<Pattern> a_thousand_for_one_topic() {
  std::vector<Pattern> all;
  for (unsigned mask = 1; mask < 1024; ++mask) {
    std::string text;
    for (unsigned bit = 0; bit < 10; ++bit) text += (mask >> bit & 1U) != 0 ? "*." : "a.";
    text.pop_back();
    all.push_back(pattern(text));
  }
  return all;
}

std::int64_t cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

TEST_F(RouterTest, ToFindThatCostsAboutWhatADeliveryDoesHoweverManyItHas) {
  for (const Pattern& each : a_thousand_for_one_topic()) router_.subscribe(ada_, each);
  const std::string topic = "a.a.a.a.a.a.a.a.a.a";
  constexpr std::size_t times = 300;
  std::vector<Made> made;
  for (std::size_t i = 0; i < times; ++i) made.push_back({topic, i + 1});
  const std::int64_t begin = cpu_ns();
  publish(made);
  const std::int64_t between = cpu_ns();
  const Router::Own own(router_, ada_);
  for (std::size_t i = 0; i < times; ++i) EXPECT_TRUE(own.since_besides(topic, pattern("*")));
  EXPECT_LT(cpu_ns() - between, 3 * (between - begin)) << "about 1; 6 where each is looked for";
}

TEST_F(RouterTest, OfAllWhoHearATopicEachCountsOnceAndNoTurnIsDisturbed) {
  for (Listener* each : {&ada_, &bob_}) router_.subscribe(*each, pattern("a:*"));
  router_.subscribe(ada_, pattern("a:b"));
  router_.subscribe(ada_, pattern("*"));
  EXPECT_EQ(router_.load("a:b").subscribers, 2U);
  EXPECT_EQ(router_.load("a:b").subscribers, 2U);
  EXPECT_EQ(publish({{"a:b", 1}}), 2U);
  EXPECT_THAT(bob_.heard, ElementsAre("a:b s:1"));
}

TEST_F(RouterTest, WhatComesLateIsToldToThoseWhoListenedBefore) {
  router_.subscribe(ada_, pattern("a"), false, 6);
  router_.subscribe(bob_, pattern("a"), false, 7);
  const auto late_gap = [](std::uint64_t seq) {
    Event::Fields fields;
    fields.topic = "a";
    fields.topic_hash = topic_hash("a");
    fields.source = "s";
    fields.seq = fields.last_seq = seq;
    fields.restart = true;
    fields.arrival = 7;
    return Renderer::gap(fields, "producer");
  };
  router_.publish({make_event({"a", 8}), late_gap(1), make_event({"a", 9}), late_gap(2)});
  EXPECT_THAT(ada_.heard, ElementsAre("a s:8", "a s:1-1 missing", "a s:9", "a s:2-2 missing"));
  EXPECT_THAT(bob_.heard, ElementsAre("a s:8", "a s:9"));
  ada_.heard.clear();
  router_.note_recovered(ada_, pattern("a"), 7);
  EXPECT_EQ(router_.publish({late_gap(3)}), 0U);
  EXPECT_THAT(ada_.heard, IsEmpty());
}

TEST_F(RouterTest, AnInterestThatCannotBeginLeavesNothingBehind) {
  interests_.fails = true;
  EXPECT_THROW(router_.subscribe(ada_, pattern("a")), std::bad_alloc);
  EXPECT_THROW(router_.subscribe(ada_, pattern("a:*")), std::bad_alloc);
  EXPECT_EQ(router_.topics() + router_.patterns(), 0U);
  EXPECT_EQ(publish({{"a", 1}, {"a:b", 1}}), 0U);
}

TEST_F(RouterTest, TheFirstAndTheLastSubscriberChangeWhatTheLaneListensTo) {
  router_.subscribe(ada_, pattern("a"));
  router_.subscribe(bob_, pattern("a"));
  router_.subscribe(bob_, pattern("b:*"));
  EXPECT_THAT(interests_.all, UnorderedElementsAre("a", "b:*"));
  router_.unsubscribe(ada_, pattern("a"));
  EXPECT_THAT(interests_.all, UnorderedElementsAre("a", "b:*"));
  router_.leave(bob_);
  EXPECT_THAT(interests_.all, IsEmpty());
}

TEST_F(RouterTest, LatencyCountsEventsThatReachedSomeone) {
  router_.subscribe(ada_, pattern("a"));
  publish({{"a", 1}, {"b", 1}, {"a", 2}});
  std::uint64_t observed = 0;
  for (const Counter& bucket : metrics_.latency.counts) observed += bucket.value();
  EXPECT_EQ(observed, 2U);
}

TEST_F(RouterTest, AnySequenceGivesWhatANaiveRouterGives) {
  static const std::vector<std::string> patterns{"a", "b",   "c",   "a:b", "a:c",
                                                 "*", "a:*", "*:b", "b*"};
  static const std::vector<std::string> topics{"a", "b", "c", "a:b", "a:c", "bc", "d"};
  std::mt19937 random(5);
  const auto pick = [&](std::size_t below) { return random() % below; };
  std::vector<std::unique_ptr<Listener>> listeners;
  for (int i = 0; i < 12; ++i) listeners.push_back(std::make_unique<Listener>());
  std::vector<std::set<std::string>> subscribed(listeners.size());
  std::uint64_t seq = 0;

  for (int step = 0; step < 3000; ++step) {
    const std::size_t who = pick(listeners.size());
    const std::string& text = patterns[pick(patterns.size())];
    switch (pick(6)) {
      case 0:
      case 1:
        EXPECT_EQ(router_.subscribe(*listeners[who], pattern(text)).fresh,
                  subscribed[who].insert(text).second);
        break;
      case 2:
        EXPECT_EQ(router_.unsubscribe(*listeners[who], pattern(text)),
                  subscribed[who].erase(text) == 1);
        break;
      case 3:
        if (pick(5) != 0) break;
        router_.leave(*listeners[who]);
        subscribed[who].clear();
        break;
      default: break;
    }
    std::vector<Made> turn;
    for (std::size_t n = pick(6); n > 0; --n) turn.push_back({topics[pick(topics.size())], ++seq});
    std::size_t expected_deliveries = 0;
    std::vector<std::vector<std::string>> expected(listeners.size());
    for (std::size_t i = 0; i < listeners.size(); ++i) {
      listeners[i]->heard.clear();
      for (const Made& made : turn) {
        for (const std::string& its : subscribed[i]) {
          if (!pattern(its).matches(made.topic)) continue;
          expected[i].push_back(name_of(*make_event(made)));
          ++expected_deliveries;
          break;
        }
      }
    }
    ASSERT_EQ(publish(turn), expected_deliveries);
    for (std::size_t i = 0; i < listeners.size(); ++i) {
      ASSERT_EQ(listeners[i]->heard, expected[i]);
      ASSERT_TRUE(listeners[i]->sound);
    }
  }
  for (const auto& listener : listeners) router_.leave(*listener);
}

TEST_F(RouterTest, ManyTopicsInOneTurnStayApart) {
  std::vector<std::unique_ptr<Listener>> listeners;
  std::vector<Made> turn;
  for (int i = 0; i < 3000; ++i) {
    const std::string topic = "topic-" + std::to_string(i);
    listeners.push_back(std::make_unique<Listener>());
    router_.subscribe(*listeners.back(), pattern(topic));
    turn.push_back({topic, 1});
  }
  router_.subscribe(ada_, pattern("*"));
  for (std::uint64_t round = 1; round <= 2; ++round) {
    EXPECT_EQ(publish(turn), 6000U);
    EXPECT_EQ(ada_.heard.size(), 3000U * round);
  }
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    ASSERT_EQ(listeners[i]->heard.size(), 2U);
    router_.leave(*listeners[i]);
  }
}

}  // namespace
}  // namespace zws
