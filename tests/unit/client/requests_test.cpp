// What clients say, over a lane without threads and a clock that the test moves.
#include "client/requests.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <future>
#include <map>
#include <nlohmann/json.hpp>

#include "unit/auth/forge.hpp"
#include "unit/lane/model_bridge.hpp"

namespace zws {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RequestsTest : public ::testing::Test {
 protected:
  RequestsTest() : RequestsTest(config()) {}
  explicit RequestsTest(const ConfigPtr& config) : bridge_(config, 1, clock_) {
    come();
    lane().catch_up();
  }

  static ConfigPtr config() {
    auto config = std::make_shared<Config>();
    config->limits.errors_per_minute = 3;
    config->limits.subscriptions = 1000;
    return config;
  }

  void come() {
    connection_ = std::make_unique<ModelConnection>(lane());
    connection_->make_room(1 << 24);
    heard();
  }
  ModelLane& lane() { return *bridge_.lanes()[0]; }
  void say(const json& message) {
    lane().requests().on_message(connection_->session(), message.dump(), false);
  }
  void say_nonsense(int times) {
    for (int i = 0; i < times; ++i) say({{"type", "hello"}});
  }
  bool thrown_out() const { return connection_->ended(); }

  // What came since the last call.
  std::vector<json> heard() {
    std::string& taken = connection_->wire().taken;
    std::vector<json> messages;
    for (std::size_t at = 0; at < taken.size();) {
      const auto size = static_cast<unsigned char>(taken[at + 1]);
      const std::size_t head = size < 126 ? 2 : 4;
      const std::size_t bytes = size < 126 ? size
                                           : static_cast<unsigned char>(taken[at + 2]) * 256U +
                                                 static_cast<unsigned char>(taken[at + 3]);
      messages.push_back(json::parse(taken.substr(at + head, bytes)));
      at += head + bytes;
    }
    taken.clear();
    return messages;
  }
  static std::vector<std::string> ids_of(const std::vector<json>& messages) {
    std::vector<std::string> ids;
    for (const json& message : messages)
      if (message.contains("@id")) ids.push_back(message["@id"]);
    return ids;
  }
  void pass_a_tick() {
    clock_.advance(Wheel::tick);
    lane().tick();
    lane().catch_up();
  }
  // What a producer sends waits for the lane.
  void publish(const std::string& topic, std::uint64_t seq, std::int64_t sent_ns = 0) {
    ModelArrival arrival;
    arrival.sent_ns = sent_ns;
    arrival.topic = topic;
    arrival.source = "s";
    arrival.seq = seq;
    bridge_.pipe.push_back(arrival);
    bridge_.ingest(1);
  }
  static std::vector<std::string> topics_of(const std::vector<json>& messages) {
    std::vector<std::string> topics;
    for (const json& message : messages) topics.push_back(message.value("topic", ""));
    return topics;
  }
  static json many(const char* type, std::size_t count) {
    json topics = json::array();
    for (std::size_t i = 0; i < count; ++i) topics.push_back("t" + std::to_string(i));
    return {{"type", type}, {"topics", topics}};
  }

  ModelClock clock_;
  ModelBridge bridge_;
  std::unique_ptr<ModelConnection> connection_;
  std::uint64_t published_ = 0;
};

TEST_F(RequestsTest, AnErrorOverTheMinutesBoundEndsTheConnection) {
  say_nonsense(3);
  EXPECT_FALSE(thrown_out());
  clock_.advance(std::chrono::seconds(59));
  say_nonsense(1);
  EXPECT_TRUE(thrown_out());
}

// It is offered where it fits, and what it counts in the queue is what fits there.
TEST_F(RequestsTest, AReplayThatWasPromisedDoesNotThrowItsClientOut) {
  auto small = std::make_shared<Config>(*config());
  small->limits.queue_bytes = 6000;
  small->routes.emplace_back();
  small->routes.back().match = "d";
  small->routes.back().overflow = Overflow::disconnect;
  bridge_.reload(small);
  for (std::uint64_t seq = 1; seq <= 100; ++seq) publish("d", seq);
  come();
  lane().catch_up();
  connection_->wire().room = 0;

  say({{"type", "subscribe"}, {"topic", "d"}, {"last", 100}, {"id", std::string(100, 'i')}});
  lane().catch_up();

  EXPECT_FALSE(thrown_out());
  connection_->make_room(1 << 24);
  const std::vector<json> messages = heard();
  ASSERT_THAT(messages, ::testing::Not(IsEmpty()));
  EXPECT_EQ(messages[0].value("replayed", 0U), ids_of(messages).size());
  EXPECT_GT(ids_of(messages).size(), 20U);
}

TEST_F(RequestsTest, WhatComesTooFastIsToldWithItsIdButOfManyLongOnesAFewOnlyAreRead) {
  for (std::size_t i = 0; i < 2 * config()->limits.messages_per_second; ++i)
    say({{"type", "ping"}});
  heard();
  const auto long_ones_with_id = [&](int said) {
    for (int i = 0; i < said; ++i)
      say({{"type", "ping"}, {"id", "long"}, {"pad", std::string(2000, 'x')}});
    const std::vector<json> answers = heard();
    EXPECT_THAT(answers, SizeIs(said));
    for (const json& answer : answers) EXPECT_EQ(answer["code"], "rate_limited");
    return std::count_if(answers.begin(), answers.end(),
                         [](const json& answer) { return answer.value("id", "") == "long"; });
  };
  EXPECT_EQ(long_ones_with_id(20), 8);
  say({{"type", "ping"}, {"id", "short"}});
  EXPECT_EQ(heard().at(0)["id"], "short");
}

TEST_F(RequestsTest, OnlyWhoGoesOnTooFastForFiveSecondsIsThrownOut) {
  const auto rate = config()->limits.messages_per_second;
  const auto burst = [&] {
    for (std::size_t i = 0; i < 2 * rate + 20; ++i) say({{"type", "ping"}});
    std::size_t refused = 0;
    for (const json& answer : heard()) refused += answer["type"] == "error" ? 1 : 0;
    EXPECT_GE(refused, 20U);
  };
  for (int i = 0; i < 3; ++i) {
    burst();
    EXPECT_FALSE(thrown_out()) << "it had kept quiet for a while";
    clock_.advance(std::chrono::seconds(10));
  }
  for (int tenth = 0; tenth < 60; ++tenth) {
    EXPECT_EQ(thrown_out(), tenth > 51) << tenth;
    for (std::size_t i = 0; i < 2 * rate && !thrown_out(); ++i) say({{"type", "ping"}});
    clock_.advance(std::chrono::milliseconds(100));
  }
}

TEST_F(RequestsTest, ANewTokenCostsAMessageMoreForEach64Subscriptions) {
  say(many("subscribe", 64 * 9));
  lane().catch_up();
  clock_.advance(std::chrono::seconds(60));
  heard();
  std::size_t taken = 0;
  for (; taken < 100; ++taken) {
    say({{"type", "auth"}, {"token", "x"}});
    if (heard().at(0)["type"] == "error") break;
  }
  EXPECT_EQ(taken, 2 * config()->limits.messages_per_second / 10);
}

// It comes from another bridge, which had told it an event that this one hears a moment later.
TEST_F(RequestsTest, WhoIsAheadOfTheBridgeIsAnsweredWhenTheBridgeHasCaughtUp) {
  publish("a:1", 1);
  for (const char* topic : {"a:1", "a:*"}) {
    const std::uint64_t here = topic == std::string("a:1") ? 1 : 3;
    const json positions{{"a:1", {"s:" + std::to_string(here + 1)}}};
    come();
    say({{"type", "subscribe"}, {"topics", {topic}}, {"since", positions}});
    lane().catch_up();
    EXPECT_THAT(heard(), IsEmpty());
    publish("a:1", here + 1);
    publish("a:1", here + 2);
    pass_a_tick();
    const std::vector<json> messages = heard();
    ASSERT_THAT(messages, SizeIs(2));
    EXPECT_EQ(messages.at(0)["recovered"], true) << json(messages);
    EXPECT_THAT(ids_of(messages), ElementsAre("s:" + std::to_string(here + 2)));
  }
}

TEST_F(RequestsTest, WhoIsAheadForGoodIsToldSoAfterAMomentAndOnceOnly) {
  publish("b", 1);
  const json positions{{"a", {"x:1"}}, {"b", {"s:1"}}, {"c", {"x:1"}}};
  say({{"type", "subscribe"}, {"topics", {"b", "a", "c"}}, {"since", positions}});
  lane().catch_up();
  EXPECT_THAT(topics_of(heard()), ElementsAre("b")) << "what needs not wait does not";
  for (int tick = 0; tick < 2; ++tick) {
    pass_a_tick();
    EXPECT_THAT(heard(), IsEmpty());
  }
  pass_a_tick();
  const std::vector<json> messages = heard();
  EXPECT_THAT(topics_of(messages), ElementsAre("a", "c")) << "they wait together";
  for (const json& message : messages) EXPECT_EQ(message["recovered"], false);
}

// It may name thousands, and each is looked at while nothing arrives: so what is here is not asked for again,
// not even where it has begun anew since.
TEST_F(RequestsTest, WhatIsHereOfWhoIsAheadIsNotLookedAtAgain) {
  publish("a:1", 5, 1);
  say({{"type", "subscribe"}, {"topic", "a:*"}, {"since", {{"a:1", {"s:5"}}, {"a:2", {"s:2"}}}}});
  lane().catch_up();
  EXPECT_THAT(heard(), IsEmpty());
  publish("a:1", 1, 2);
  publish("a:2", 2);
  pass_a_tick();
  EXPECT_THAT(topics_of(heard()), ElementsAre("a:*"));
}

TEST_F(RequestsTest, ARequestThatWaitsIsMemoryThatItsClientHolds) {
  const std::size_t before = connection_->session().held_bytes();
  json positions;
  for (int i = 0; i < 1000; ++i) positions["a:" + std::to_string(i)] = {"x:1"};
  say({{"type", "subscribe"}, {"topic", "a:*"}, {"since", positions}});
  lane().catch_up();
  EXPECT_GT(connection_->session().held_bytes(), before + 1000 * sizeof(TopicPosition));
  for (int tick = 0; tick < 3; ++tick) pass_a_tick();
  EXPECT_LT(connection_->session().held_bytes(), before + 1000) << "a subscription";
}

TEST_F(RequestsTest, WhoIsAheadForGoodWaitsOnceWhateverNumberOfRequestsItMakes) {
  for (const char* topic : {"a", "b", "c", "d"})
    say({{"type", "subscribe"}, {"topic", topic}, {"since", {"x:1"}}});
  lane().catch_up();
  EXPECT_THAT(heard(), IsEmpty());
  for (int tick = 0; tick < 3; ++tick) pass_a_tick();
  say({{"type", "subscribe"}, {"topic", "e"}, {"since", {"x:1"}}});
  for (int turn = 0; turn < 5; ++turn) {  // one for each, and no time passes
    lane().tick();
    lane().catch_up();
  }
  const std::vector<json> messages = heard();
  EXPECT_THAT(topics_of(messages), ElementsAre("a", "b", "c", "d", "e"));
  for (const json& message : messages) EXPECT_EQ(message["recovered"], false);
}

TEST_F(RequestsTest, WhoLeavesWhileItWaitsForTheBridgeIsForgotten) {
  say({{"type", "subscribe"}, {"topic", "a"}, {"since", {"x:1"}}});
  lane().catch_up();
  come();
  for (int tick = 0; tick < 3; ++tick) pass_a_tick();
  EXPECT_THAT(heard(), IsEmpty());
}

TEST_F(RequestsTest, SourcesAreToldFromTheAnswerOnToWhoAsked) {
  publish("a", 1);
  say({{"type", "subscribe"}, {"topic", "a"}});
  say({{"type", "subscribe"}, {"topic", "a"}, {"sources", true}});
  lane().catch_up();
  publish("a", 2);
  lane().catch_up();
  const std::vector<json> messages = heard();
  EXPECT_THAT(messages, SizeIs(3)) << "nothing has changed with its source";
  EXPECT_FALSE(messages.at(0).contains("sources"));
  EXPECT_EQ(messages.at(1)["sources"].at(0)["src"], "s");
  EXPECT_EQ(messages.at(1)["sources"].at(0)["alive"], true);
  EXPECT_FALSE(messages.at(1)["sources"].at(0).contains("topic"));
  say({{"type", "subscribe"}, {"topic", "b:*"}, {"sources", true}});
  lane().catch_up();
  publish("b:1", 1);
  say({{"type", "subscribe"}, {"topic", "*"}, {"sources", true}});
  lane().catch_up();
  const std::vector<json> more = heard();
  EXPECT_EQ(more.at(0)["sources"], json::array());
  EXPECT_EQ(more.at(1)["state"], "alive") << "a new one";
  EXPECT_EQ(more.at(2)["@id"], "s:1");
  ASSERT_TRUE(more.at(3).contains("sources")) << json(more);
  EXPECT_EQ(more.at(3)["sources"].at(1)["topic"], "b:1");
}

TEST_F(RequestsTest, SourcesOfMoreThanARequestMayLookAtAreRefused) {
  auto few = std::make_shared<Config>(*config());
  few->limits.request_looks = 20;
  bridge_.reload(few);
  for (int topic = 0; topic < 11; ++topic) publish("t:" + std::to_string(topic), 1);
  lane().catch_up();
  heard();
  say({{"type", "subscribe"}, {"topic", "t:*"}, {"sources", true}});
  lane().catch_up();
  const std::vector<json> messages = heard();
  EXPECT_EQ(messages.at(0).value("code", ""), "limit_exceeded")
      << "a look for each topic, and for each source";
  EXPECT_EQ(connection_->session().usage.subscriptions, 0U);
  publish("t:1", 2);
  lane().catch_up();
  EXPECT_THAT(heard(), IsEmpty());
}

TEST_F(RequestsTest, ErrorsAreForgottenAfterAMinute) {
  for (int minute = 0; minute < 3; ++minute) {
    say_nonsense(3);
    clock_.advance(std::chrono::seconds(60));
  }
  EXPECT_FALSE(thrown_out());
  say_nonsense(4);
  EXPECT_TRUE(thrown_out());
}

TEST_F(RequestsTest, ALongRequestIsAnsweredInOrderAndBetweenOtherWork) {
  say(many("subscribe", 300));
  EXPECT_THAT(heard(), IsEmpty());
  lane().take_turn();
  std::vector<std::string> topics = topics_of(heard());
  EXPECT_GT(topics.size(), 0U);
  EXPECT_LT(topics.size(), 300U) << "others have their turn";
  lane().catch_up();
  for (const std::string& topic : topics_of(heard())) topics.push_back(topic);
  ASSERT_THAT(topics, SizeIs(300));
  for (std::size_t i = 0; i < topics.size(); ++i) EXPECT_EQ(topics[i], "t" + std::to_string(i));
}

TEST_F(RequestsTest, WhatWaitedAtASubscribeComesBeforeItsAnswer) {
  say({{"type", "subscribe"}, {"topic", "t:*"}});
  lane().catch_up();
  heard();
  publish("t:1", 1);
  say({{"type", "subscribe"}, {"topic", "t:1"}});
  publish("t:1", 2);
  lane().catch_up();
  const std::vector<json> messages = heard();
  ASSERT_THAT(messages, SizeIs(3));
  EXPECT_EQ(messages[0]["@id"], "s:1");
  EXPECT_EQ(messages[1]["at"], json::array({"s:1"}));
  EXPECT_EQ(messages[2]["@id"], "s:2");
}

TEST_F(RequestsTest, WhatWaitedIsNotLostWhereOneSubscriptionTakesThePlaceOfAnother) {
  for (const auto& [from, to] : {std::pair("t:*", "t:1"), std::pair("t:1", "t:*")}) {
    say({{"type", "subscribe"}, {"topic", from}});
    lane().catch_up();
    heard();
    publish("t:1", ++published_);
    say({{"type", "subscribe"}, {"topic", to}});
    say({{"type", "unsubscribe"}, {"topic", from}});
    publish("t:1", ++published_);
    lane().catch_up();
    EXPECT_THAT(ids_of(heard()), ElementsAre("s:" + std::to_string(published_ - 1),
                                             "s:" + std::to_string(published_)));
    say({{"type", "unsubscribe"}, {"topic", to}});
    lane().catch_up();
  }
}

TEST_F(RequestsTest, WhoSubscribesInAFloodIsNotToldOfWhatItHasHad) {
  ModelConnection other(lane());
  other.make_room(1 << 24);
  for (int i = 1; i <= 5; ++i) publish("t", ++published_);
  say({{"type", "subscribe"}, {"topic", "t"}, {"last", 5}});
  publish("t", ++published_);
  lane().requests().on_message(other.session(), R"({"type":"subscribe","topic":"t"})", false);
  publish("t", ++published_);
  lane().catch_up();
  EXPECT_THAT(ids_of(heard()), ElementsAre("s:1", "s:2", "s:3", "s:4", "s:5", "s:6", "s:7"));
}

TEST_F(RequestsTest, ATopicAndItsPatternInOneRequestBringItOnce) {
  for (const auto& topics : {json::array({"t:*", "t:1"}), json::array({"t:1", "t:*"})}) {
    come();
    publish("t:1", ++published_);
    say({{"type", "subscribe"}, {"topics", topics}, {"last", 1}});
    publish("t:1", ++published_);
    lane().catch_up();
    EXPECT_THAT(ids_of(heard()), ElementsAre("s:" + std::to_string(published_ - 1),
                                             "s:" + std::to_string(published_)));
  }
}

TEST_F(RequestsTest, UnderAPatternEachTopicIsReplayedAsItsOwnRouteSays) {
  Config with = *config();
  for (const std::size_t replay : {0U, 1U, 3U}) {
    with.routes.emplace_back();
    with.routes.back().match = "t:" + std::to_string(replay);
    with.routes.back().replay = replay;
  }
  bridge_.reload(std::make_shared<Config>(with));
  for (std::uint64_t seq = 1; seq <= 5; ++seq)
    for (const char* topic : {"t:0", "t:1", "t:3"}) publish(topic, seq);
  lane().catch_up();
  say({{"type", "subscribe"}, {"topic", "t:*"}});
  lane().catch_up();
  const std::vector<json> messages = heard();
  EXPECT_EQ(messages.at(0)["replayed"], 4U);
  EXPECT_THAT(topics_of(messages), ElementsAre("t:*", "t:3", "t:3", "t:1", "t:3"));
}

TEST_F(RequestsTest, WhatAnotherSubscriptionHasNotBroughtIsNotRecovered) {
  for (int i = 0; i < 3; ++i) publish("t:a", ++published_);
  for (const char* held : {"t:*", "t:a", "t:a*"}) {
    come();
    say({{"type", "subscribe"}, {"topic", held}});
    lane().catch_up();
    heard();
    say({{"type", "subscribe"}, {"topic", "t:a*"}, {"since", {{"t:a", {"s:1"}}}}});
    lane().catch_up();
    const std::vector<json> messages = heard();
    ASSERT_THAT(messages, SizeIs(1)) << held;
    EXPECT_EQ(messages[0]["recovered"], false) << held;
    EXPECT_EQ(messages[0]["replayed"], 0) << held;
  }
}

TEST_F(RequestsTest, PatternsThatOverlapAreRecoveredTogether) {
  for (int i = 0; i < 3; ++i) publish("t:a", ++published_);
  come();
  say({{"type", "subscribe"}, {"topics", {"t:*", "t:a*"}}, {"since", {{"t:a", {"s:1"}}}}});
  publish("t:a", ++published_);
  lane().catch_up();
  const std::vector<json> messages = heard();
  EXPECT_THAT(ids_of(messages), ElementsAre("s:2", "s:3", "s:4"));
  for (const json& message : messages) {
    if (message["type"] != "subscribed") continue;
    EXPECT_EQ(message["recovered"], true) << message;
  }
}

TEST_F(RequestsTest, WhoComesWhileEventsWaitForItsLaneHasThemOnce) {
  lane().catch_up();
  publish("@all", ++published_);
  connection_.reset();
  come();
  say({{"type", "subscribe"}, {"topic", "@all"}, {"last", 1}});
  publish("@all", ++published_);
  lane().catch_up();
  EXPECT_THAT(ids_of(heard()), ElementsAre("s:1", "s:2"));
}

TEST_F(RequestsTest, AFetchComesBehindWhatWaited) {
  say({{"type", "subscribe"}, {"topic", "t"}});
  lane().catch_up();
  heard();
  publish("t", 1);
  say({{"type", "fetch"}, {"topic", "t"}, {"last", 1}});
  publish("t", 2);
  lane().catch_up();
  const std::vector<json> messages = heard();
  ASSERT_THAT(messages, SizeIs(4));
  EXPECT_THAT(ids_of(messages), ElementsAre("s:1", "s:1", "s:2"));
  EXPECT_EQ(messages[2]["type"], "fetched");
}

TEST_F(RequestsTest, OfTheNewestOnlyWhatFitsIsFetchedAndThatIsSaid) {
  auto small = std::make_shared<Config>(*config());
  small->limits.queue_bytes = 6000;
  bridge_.reload(small);
  for (std::uint64_t seq = 1; seq <= 100; ++seq) publish("t", seq);
  come();
  lane().catch_up();
  const auto fetch = [this](std::size_t last) {
    say({{"type", "fetch"}, {"topic", "t"}, {"last", last}});
    lane().catch_up();
    connection_->make_room(1 << 24);
    return heard();
  };
  std::vector<json> messages = fetch(100);
  ASSERT_GT(messages.size(), 2U);
  EXPECT_EQ(*std::prev(messages.end(), 2)->find("@id"), "s:100");
  EXPECT_LT(messages.back()["count"], 100U);
  EXPECT_EQ(messages.back()["complete"], false) << "others are here that the queue cannot take";
  messages = fetch(2);
  EXPECT_EQ(messages.back()["count"], 2U);
  EXPECT_EQ(messages.back()["complete"], true);
}

TEST_F(RequestsTest, OfAPatternsNewestItIsNotSaidThatTheyAreAllWhereMoreMayBeThere) {
  auto few = std::make_shared<Config>(*config());
  few->limits.replay_events = 3;
  bridge_.reload(few);
  for (const char* topic : {"two:1", "two:2", "three:1", "three:2", "three:3"}) publish(topic, 1);
  const auto fetch = [this](const std::string& pattern) {
    say({{"type", "fetch"}, {"topic", pattern}, {"last", 1}});
    lane().catch_up();
    return heard().back();
  };
  EXPECT_EQ(fetch("two:*")["count"], 2U);
  EXPECT_EQ(fetch("two:*")["complete"], true);
  EXPECT_EQ(fetch("three:*")["count"], 3U);
  EXPECT_EQ(fetch("three:*")["complete"], false) << "it is as many as one may be sent";
}

TEST_F(RequestsTest, AsManyOfTheNewestAreFetchedAsAReplayMayHaveAndNotOneMore) {
  auto few = std::make_shared<Config>(*config());
  few->limits.replay_events = 3;
  bridge_.reload(few);
  for (std::uint64_t seq = 1; seq <= 5; ++seq) publish("t", seq);
  const auto fetch = [this](int last) {
    say({{"type", "fetch"}, {"topic", "t"}, {"last", last}});
    lane().catch_up();
    return heard().back();
  };
  EXPECT_EQ(fetch(3)["count"], 3U);
  EXPECT_EQ(fetch(4)["code"], "limit_exceeded");
}

TEST_F(RequestsTest, EachHundredTopicsThatAreLookedAtCountAsAMessage) {
  for (int i = 0; i < 1'000; ++i) publish("t:" + std::to_string(i), 1);
  lane().catch_up();
  say({{"type", "subscribe"}, {"topic", "t:*"}, {"last", 1}});
  lane().catch_up();
  connection_->make_room(1 << 24);
  heard();
  for (int i = 0; i < 200; ++i) say({{"type", "ping"}});
  const std::vector<json> answers = heard();
  const auto pongs = std::count_if(answers.begin(), answers.end(),
                                   [](const json& answer) { return answer["type"] == "pong"; });
  EXPECT_GT(pongs, 100);
  EXPECT_LE(pongs, 200 - 1 - 10);
}

TEST_F(RequestsTest, WhatIsSaidDuringALongRequestHasItsTurnAfterIt) {
  say(many("subscribe", 300));
  say(many("unsubscribe", 300));
  say({{"type", "ping"}, {"id", 7}});
  lane().catch_up();
  const std::vector<json> messages = heard();
  ASSERT_THAT(messages, SizeIs(601));
  for (std::size_t i = 0; i < 600; ++i) {
    EXPECT_EQ(messages[i]["type"], i < 300 ? "subscribed" : "unsubscribed");
    EXPECT_EQ(messages[i]["topic"], "t" + std::to_string(i % 300));
  }
  EXPECT_EQ(messages[600]["type"], "pong");
  EXPECT_EQ(messages[600]["id"], 7);
}

TEST_F(RequestsTest, TwoThatAskForMuchTakeTurns) {
  ModelConnection other(lane());
  other.make_room(1 << 24);
  lane().catch_up();
  say(many("subscribe", 300));
  lane().requests().on_message(other.session(), many("subscribe", 300).dump(), false);
  heard();
  other.wire().taken.clear();
  lane().take_turn();
  lane().take_turn();
  EXPECT_THAT(heard(), SizeIs(::testing::Lt(300U)));
  EXPECT_FALSE(other.wire().taken.empty());
}

// Many that ask at once, as after a restart.
class CrowdTest : public RequestsTest {
 protected:
  CrowdTest() {
    for (int i = 0; i < 50; ++i) {
      crowd_.push_back(std::make_unique<ModelConnection>(lane()));
      crowd_.back()->make_room(1 << 24);
    }
    say({{"type", "subscribe"}, {"topic", "w"}});
    lane().catch_up();
    heard();
  }
  void all_ask(std::size_t topics) {
    for (const auto& each : crowd_)
      lane().requests().on_message(each->session(), many("subscribe", topics).dump(), false);
  }
  void take_turns_until_heard() {
    int turns = 0;
    for (; heard().empty() && turns < 1000; ++turns) lane().take_turn();
    ASSERT_LT(turns, 1000);
  }
  std::size_t answered() { return lane().metrics().subscriptions.value() - 1; }

  std::vector<std::unique_ptr<ModelConnection>> crowd_;
};

TEST_F(CrowdTest, AnEventWaitsForTheAnswersOfOneSliceHoweverManyAsk) {
  for (const std::size_t topics : {1U, 64U, 300U}) {
    const std::size_t before = answered();
    all_ask(topics);
    publish("w", ++published_);
    take_turns_until_heard();
    EXPECT_LE(answered() - before, 2U * 64) << topics;
    lane().catch_up();
    heard();
  }
  EXPECT_EQ(answered(), crowd_.size() * 300) << "and all are answered in the end";
}

TEST_F(CrowdTest, TheEventsThatAnswersBringCountToo) {
  for (std::uint64_t seq = 1; seq <= 64; ++seq) publish("t0", ++published_);
  lane().catch_up();
  for (const auto& each : crowd_)
    lane().requests().on_message(each->session(), R"({"type":"subscribe","topic":"t0","last":64})",
                                 false);
  publish("w", ++published_);
  take_turns_until_heard();
  EXPECT_LE(answered(), 2U);
  lane().catch_up();
  EXPECT_EQ(answered(), crowd_.size());
}

TEST_F(CrowdTest, WhoLeavesBeforeItsPlaceKeepsNobodyWaiting) {
  all_ask(64);
  crowd_.erase(crowd_.begin(), crowd_.begin() + 10);
  lane().catch_up();
  EXPECT_EQ(answered(), crowd_.size() * 64);
}

TEST_F(RequestsTest, WhoLeavesDuringALongRequestLeavesNothingBehind) {
  say(many("subscribe", 300));
  connection_.reset();
  lane().catch_up();
  EXPECT_EQ(lane().metrics().subscriptions.value(), 0U);
  EXPECT_EQ(lane().router().topics(), lane().router().reserved_topics()) << "it listens no longer";
}

TEST_F(RequestsTest, WhoAsksForTheSameAgainAndLeavesLeavesNothingBehind) {
  say(many("subscribe", 300));
  say(many("subscribe", 300));
  lane().catch_up();
  ASSERT_EQ(lane().metrics().subscriptions.value(), 300U);
  connection_.reset();
  lane().catch_up();
  EXPECT_EQ(lane().metrics().subscriptions.value(), 0U);
  EXPECT_EQ(lane().router().topics(), lane().router().reserved_topics()) << "it listens no longer";
}

TEST_F(RequestsTest, RightsThatChangeDuringARequestLeaveItsSubscriptionsCounted) {
  Config with = *config();
  with.limits.subscriptions = 1;
  with.auth.hs256_secret = "a secret of more than 32 bytes, for tests";
  Config without = with;
  with.auth.anonymous.subscribe = {"t", "u"};
  ModelBridge bridge(std::make_shared<Config>(with), 1, clock_);
  ModelConnection connection(*bridge.lanes()[0]);
  connection.make_room(1 << 24);
  const auto subscribe = [&](const std::string& topic) {
    bridge.lanes()[0]->requests().on_message(
        connection.session(), json{{"type", "subscribe"}, {"topic", topic}}.dump(), false);
  };
  const auto reload = [&](const Config& config) {
    bridge.reload(std::make_shared<Config>(config));
  };
  const auto is_held = [&](const std::string& topic) {
    connection.wire().taken.clear();
    subscribe(topic);
    bridge.lanes()[0]->catch_up();
    return connection.wire().taken.find("\"success\":true") != std::string::npos;
  };

  ASSERT_TRUE(is_held("t"));
  subscribe("t");
  reload(without);  // ends it
  bridge.lanes()[0]->catch_up();
  reload(with);
  EXPECT_TRUE(is_held("t")) << "one may be held";

  subscribe("t");
  reload(without);
  reload(with);
  bridge.lanes()[0]->catch_up();
  EXPECT_FALSE(is_held("u")) << "one is held";
}

// A guest with 1,000 subscriptions, and a reload that leaves it every other one.
class ReviewTest : public RequestsTest {
 protected:
  ReviewTest() : RequestsTest(std::make_shared<Config>(with("t*"))) {
    say(many("subscribe", count));
    lane().catch_up();
    heard();
  }
  static Config with(const std::string& right) {
    Config with = *config();
    with.auth.hs256_secret = "a secret of more than 32 bytes, for tests";
    with.auth.anonymous.subscribe = {right};
    return with;
  }
  static std::shared_ptr<Config> with_half() {
    auto half = std::make_shared<Config>(with("t1"));
    for (std::size_t i = 0; i < count; i += 2)
      half->auth.anonymous.subscribe.push_back("t" + std::to_string(i));
    return half;
  }
  std::uint64_t held() { return lane().metrics().subscriptions.value(); }

  static constexpr std::size_t count = 1000;
};

TEST_F(ReviewTest, EndsAFewAtOnceAndTellsOfEach) {
  bridge_.reload(with_half());
  EXPECT_GE(held(), count - 64) << "there is other work, too";
  EXPECT_LT(held(), count);
  EXPECT_TRUE(lane().requests().reviewing());
  lane().catch_up();
  EXPECT_FALSE(lane().requests().reviewing());
  EXPECT_EQ(held(), count / 2 + 1);
  const std::vector<json> told = heard();
  EXPECT_THAT(told, SizeIs(count / 2 - 1));
  for (const json& each : told) EXPECT_EQ(each["code"], "forbidden");
  publish("t2", 1);
  publish("t3", 1);
  lane().catch_up();
  EXPECT_THAT(topics_of(heard()), ElementsAre("t2"));
}

TEST_F(ReviewTest, TheLastWordOnItsRightsCounts) {
  bridge_.reload(with_half());
  bridge_.reload(std::make_shared<Config>(with("t*")));
  lane().catch_up();
  EXPECT_GE(held(), count - 64);
  bridge_.reload(with_half());
  bridge_.reload(std::make_shared<Config>(with("none")));
  lane().catch_up();
  EXPECT_EQ(held(), 0U);
}

TEST_F(ReviewTest, WhoLeavesMeanwhileLeavesNothingBehind) {
  bridge_.reload(with_half());
  connection_.reset();
  EXPECT_FALSE(lane().requests().reviewing());
  EXPECT_EQ(held(), 0U);
  lane().catch_up();
  EXPECT_EQ(lane().router().topics(), lane().router().reserved_topics()) << "it listens no longer";
}

// A look that finds much too old lets others go before it, and a reload may be among them.
TEST_F(RequestsTest, RightsThatChangeBeforeTheLookAreThoseThatCount) {
  Config with = *config();
  with.auth.hs256_secret = "a secret of more than 32 bytes, for tests";
  with.history.ttl = Duration(1000);
  with.routes.emplace_back();
  with.routes.back().match = "a:*";
  with.routes.back().ttl = Duration(1'000'000);
  Config without = with;
  with.auth.anonymous.subscribe = {"a:*"};
  without.auth.anonymous.subscribe = {"a:1"};
  ModelBridge bridge(std::make_shared<Config>(with), 1, clock_);
  ModelConnection connection(*bridge.lanes()[0]);
  connection.make_room(1 << 24);
  const auto send = [&](const std::string& topic, std::uint64_t seq) {
    ModelArrival arrival;
    arrival.topic = topic;
    arrival.source = "s";
    arrival.seq = seq;
    bridge.pipe.push_back(arrival);
    bridge.ingest(1);
  };
  for (int i = 0; i < 1500; ++i) send("old:" + std::to_string(i), 1);
  clock_.advance(std::chrono::milliseconds(2000));
  for (std::uint64_t seq = 1; seq <= 3; ++seq) send("a:1", seq);
  bridge.lanes()[0]->catch_up();
  connection.wire().taken.clear();
  const json request{
      {"type", "subscribe"}, {"topics", {"a:*", "a:1"}}, {"since", {{"a:1", {"s:1"}}}}};
  bridge.lanes()[0]->requests().on_message(connection.session(), request.dump(), false);
  bridge.reload(std::make_shared<Config>(without));
  bridge.lanes()[0]->catch_up();
  const std::string& taken = connection.wire().taken;
  EXPECT_NE(taken.find("\"code\":\"forbidden\""), std::string::npos);
  EXPECT_NE(taken.find("\"recovered\":true,\"replayed\":2"), std::string::npos) << taken;
}

// ada may hear job:ada:* up to the next ':' only, and then all of job:*.
class WidenedRightTest : public RequestsTest {
 protected:
  WidenedRightTest() : RequestsTest(std::make_shared<Config>(narrow())) {
    auto ada = std::make_shared<Identity>();
    ada->user = "ada";
    ada->proof.rules = 1;  // the verifier's, who never reloads here
    connection_->session().standing.identity = ada;
  }

  static Config narrow() {
    Config narrow = *config();
    narrow.auth.hs256_secret = "a secret of more than 32 bytes, for tests";
    narrow.auth.user.subscribe = {"job:{user}:*"};
    return narrow;
  }
  void reload(const Config& config) { bridge_.reload(std::make_shared<Config>(config)); }
  void widen() {
    Config wide = narrow();
    wide.auth.user.subscribe = {"job:*"};
    reload(wide);
  }
  std::vector<json> answers() {
    lane().catch_up();
    return heard();
  }
};

TEST_F(WidenedRightTest, WhatCameBeforeItWasWidenedWasNotHeard) {
  say({{"type", "subscribe"}, {"topic", "job:ada:*"}});
  answers();
  for (std::uint64_t seq = 1; seq <= 3; ++seq) publish("job:ada:a:b", seq);
  EXPECT_THAT(answers(), IsEmpty());
  widen();
  publish("job:ada:a:b", 4);
  EXPECT_THAT(ids_of(answers()), ElementsAre("s:4"));
  say({{"type", "subscribe"}, {"topic", "job:ada:a:*"}, {"since", {{"job:ada:a:b", {"s:1"}}}}});
  const std::vector<json> heard = answers();
  EXPECT_EQ(heard.at(0)["recovered"], false) << heard.at(0);
}

TEST_F(WidenedRightTest, WhatWaitsAtTheReloadIsHeardOnceAndInOrder) {
  say({{"type", "subscribe"}, {"topic", "job:ada:*"}});
  answers();
  publish("job:ada:a", 1);
  widen();
  publish("job:ada:a", 2);
  publish("job:ada:a:b", 1);
  EXPECT_THAT(ids_of(answers()), ElementsAre("s:1", "s:2", "s:1"));
}

TEST_F(WidenedRightTest, ARequestThatWaitsAtTheReloadHearsAllThatItMayNow) {
  say({{"type", "subscribe"}, {"topic", "job:ada:*"}});
  widen();
  answers();
  publish("job:ada:a:b", 1);
  EXPECT_THAT(ids_of(answers()), ElementsAre("s:1"));
}

TEST_F(WidenedRightTest, WhoAsksAgainMeanwhileIsSentNothingTwice) {
  say({{"type", "subscribe"}, {"topic", "job:ada:*"}});
  publish("job:ada:a", 1);
  answers();
  widen();
  say({{"type", "subscribe"}, {"topic", "job:ada:*"}, {"last", 10}});
  publish("job:ada:a", 2);
  EXPECT_THAT(ids_of(answers()), ElementsAre("s:2"));
  say({{"type", "unsubscribe"}, {"topic", "job:ada:*"}});
  answers();
  EXPECT_EQ(lane().metrics().subscriptions.value(), 0U);
  EXPECT_EQ(connection_->session().usage.subscriptions, 0U);
}

TEST_F(WidenedRightTest, WhoIsToldOfSourcesIsToldOfTheOthersToo) {
  say({{"type", "subscribe"}, {"topic", "job:ada:*"}, {"sources", true}});
  EXPECT_EQ(answers().at(0)["sources"], json::array());
  widen();
  answers();
  publish("job:ada:a:b", 1);
  const std::vector<json> heard = answers();
  ASSERT_THAT(heard, SizeIs(2));
  EXPECT_EQ(heard[0]["type"], "source");
  EXPECT_EQ(heard[0]["topic"], "job:ada:a:b");
  EXPECT_EQ(heard[0]["state"], "alive");
  EXPECT_EQ(heard[1]["@id"], "s:1");
}

TEST_F(WidenedRightTest, WhatIsFetchedIsWhatItMayHearWhenItIsAnswered) {
  widen();
  answers();
  publish("job:ada:a:b", 1);
  say({{"type", "fetch"}, {"topic", "job:ada:*"}, {"last", 9}});
  reload(narrow());
  const std::vector<json> heard = answers();
  EXPECT_THAT(ids_of(heard), IsEmpty());
  EXPECT_EQ(heard.back()["code"], "forbidden") << heard.back();
}

TEST_F(WidenedRightTest, WhoGivesItUpHearsNothingMoreHoweverFarItReached) {
  say({{"type", "subscribe"}, {"topic", "job:ada:*"}});
  say({{"type", "unsubscribe"}, {"topic", "job:ada:*"}});
  EXPECT_EQ(answers().back()["success"], true);
  publish("job:ada:a", 1);
  EXPECT_THAT(answers(), IsEmpty());
  EXPECT_EQ(connection_->session().usage.subscriptions, 0U);
}

TEST_F(WidenedRightTest, TheLastOfTwoReloadsDecides) {
  say({{"type", "subscribe"}, {"topic", "job:ada:*"}});
  answers();
  widen();
  reload(narrow());
  answers();
  publish("job:ada:a:b", 1);
  publish("job:ada:a", 1);
  EXPECT_THAT(topics_of(answers()), ElementsAre("job:ada:a"));
}

TEST_F(WidenedRightTest, WhoLeavesBeforeItHoldsLeavesNothingBehind) {
  say({{"type", "subscribe"}, {"topic", "job:ada:*"}});
  answers();
  widen();
  connection_.reset();
  lane().catch_up();
  EXPECT_EQ(lane().metrics().subscriptions.value(), 0U);
}

// It came while the anonymous may connect; a reload has it sign in.
class GuestTest : public RequestsTest {
 protected:
  GuestTest() : RequestsTest(std::make_shared<Config>(with(true))) {}

  static Config with(bool connect) {
    Config with = *config();
    with.auth.hs256_secret = "a secret of more than 32 bytes, for tests";
    with.auth.anonymous.connect = connect;
    with.auth.anonymous.subscribe = {"t", "t:*"};
    with.auth.user.subscribe = {"t"};
    return with;
  }
  void reload(bool connect) { bridge_.reload(std::make_shared<Config>(with(connect))); }
  void sign_in() {
    say({{"type", "auth"},
         {"token", forge::token(forge::Signer::secret(with(true).auth.hs256_secret), "HS256",
                                R"({"sub":"ada","exp":4102444800})")}});
  }
  std::vector<json> answers() {
    lane().catch_up();
    return heard();
  }
  std::vector<std::string> hears() {
    ++published_;
    for (const char* topic : {"@all", "t", "t:1"}) publish(topic, published_);
    return topics_of(answers());
  }
};

TEST_F(GuestTest, UsersWhoHaveComeAndGoneLeaveNothingBehind) {
  const auto come_and_go = [this](const std::string& user) {
    const std::string claims = R"({"sub":")" + user + R"(","exp":4102444800})";
    ModelConnection one(
        lane(), forge::token(forge::Signer::secret(with(true).auth.hs256_secret), "HS256", claims));
    lane().catch_up();
    EXPECT_TRUE(lane().router().receives(one.outbox(), "@user/" + user));
  };
  const std::size_t before = lane().router().topics();
  for (const char* user : {"ada", "bob", "eve"}) come_and_go(user);
  lane().catch_up();
  EXPECT_EQ(lane().router().topics(), before) << "nobody waits for what is theirs";
}

TEST_F(GuestTest, WhoHasToSignInHearsNothingFromTheReloadOn) {
  say({{"type", "subscribe"}, {"topics", {"t", "t:*", "@all"}}});
  answers();
  ASSERT_THAT(hears(), ElementsAre("@all", "t", "t:1"));
  reload(false);
  std::vector<std::string> ended;
  for (const json& message : answers()) {
    EXPECT_EQ(message["type"], "unsubscribed");
    EXPECT_EQ(message["code"], "forbidden");
    ended.push_back(message["topic"]);
  }
  EXPECT_THAT(ended, ::testing::UnorderedElementsAre("t", "t:*", "@all"));
  EXPECT_THAT(hears(), IsEmpty());
  EXPECT_EQ(connection_->session().usage.subscriptions, 0U);
  say({{"type", "subscribe"}, {"topic", "t"}});
  EXPECT_EQ(answers().at(0)["code"], "unauthorized");
}

TEST_F(GuestTest, WhoHasToSignInBeforeItHasJoinedHearsNothing) {
  come();
  reload(false);
  answers();
  EXPECT_THAT(hears(), IsEmpty());
}

TEST_F(GuestTest, WhoSignsInThenIsAsAnyOtherThatDoes) {
  say({{"type", "subscribe"}, {"topic", "t"}});
  reload(false);
  answers();
  sign_in();
  EXPECT_EQ(answers().at(0)["success"], true);
  publish("@user/ada", 1);
  EXPECT_THAT(topics_of(answers()), ElementsAre("@user/ada"));
  EXPECT_THAT(hears(), ElementsAre("@all"));
  say({{"type", "subscribe"}, {"topic", "t"}});
  EXPECT_EQ(answers().at(0)["success"], true);
  EXPECT_THAT(hears(), ElementsAre("@all", "t"));
}

TEST_F(GuestTest, WhoMayStayAgainHearsWhatIsForAll) {
  say({{"type", "subscribe"}, {"topic", "t"}});
  answers();
  reload(false);
  reload(true);
  answers();
  EXPECT_THAT(hears(), ElementsAre("@all")) << "what has ended has ended";
}

TEST_F(RequestsTest, ManyRefusalsOfOneRequestAreOneError) {
  json request = many("subscribe", 0);
  for (int i = 0; i < 200; ++i) request["topics"].push_back("no*t" + std::to_string(i));
  for (int i = 0; i < 3; ++i) {
    say(request);
    lane().catch_up();
  }
  EXPECT_FALSE(thrown_out());
  say(request);
  lane().catch_up();
  EXPECT_TRUE(thrown_out());
}

// Who asks for statistics, in open mode; the totals come when the test says so.
class StatsTest : public RequestsTest {
 protected:
  StatsTest() {
    lane().requests().set_stats([this](bool, std::function<void(std::string)> done) {
      ++asked_;
      totals_ = std::move(done);
    });
  }

  void tell_totals() {
    std::exchange(totals_, nullptr)("{}");
    lane().catch_up();
  }
  void subscribe_to(std::size_t count) {
    say(many("subscribe", count));
    lane().catch_up();
    clock_.advance(std::chrono::minutes(1));
    heard();
  }

  std::size_t asked_ = 0;
  std::function<void(std::string)> totals_;
};

TEST_F(StatsTest, OneAnswerIsFoundAtATimeAndNothingIsReadMeanwhile) {
  say({{"type", "get_stats"}, {"id", 1}});
  say({{"type", "get_stats"}, {"id", 2}});
  say({{"type", "ping"}, {"id", 3}});
  lane().catch_up();
  EXPECT_EQ(asked_, 1U);
  EXPECT_TRUE(connection_->session().busy());
  EXPECT_THAT(heard(), IsEmpty());
  tell_totals();
  EXPECT_THAT(heard(), SizeIs(1));
  EXPECT_EQ(asked_, 2U);
  EXPECT_EQ(connection_->read_again(), 0U);
  tell_totals();
  const std::vector<json> messages = heard();
  ASSERT_THAT(messages, SizeIs(2));
  EXPECT_EQ(messages[0]["id"], 2);
  EXPECT_EQ(messages[1]["id"], 3);
  EXPECT_FALSE(connection_->session().busy());
  EXPECT_EQ(connection_->read_again(), 1U);
}

TEST_F(StatsTest, WhoLeavesBeforeTheTotalsComeIsToldNothing) {
  say({{"type", "get_stats"}});
  connection_.reset();
  tell_totals();
}

TEST_F(StatsTest, TellsWhoAsksWhoItIs) {
  const auto connection = [this] {
    say({{"type", "get_stats"}});
    tell_totals();
    return heard().at(0)["data"]["connection"];
  };
  EXPECT_EQ(connection()["user"], nullptr);
  Identity ada;
  ada.user = "ada";
  connection_->session().standing.identity = std::make_shared<Identity>(ada);
  EXPECT_EQ(connection()["user"], "ada");
  EXPECT_EQ(connection()["admin"], false);
  ada.admin = true;
  connection_->session().standing.identity = std::make_shared<Identity>(ada);
  EXPECT_EQ(connection()["admin"], true);
}

TEST_F(StatsTest, TellsWhatWasDeliveredDroppedAndWaits) {
  const auto connection = [this] {
    say({{"type", "get_stats"}});
    tell_totals();
    connection_->make_room(1 << 24);
    return heard().back()["data"]["connection"];
  };
  say({{"type", "subscribe"}, {"topic", "t"}});
  lane().catch_up();
  for (int i = 0; i < 3; ++i) publish("t", ++published_);
  lane().catch_up();
  heard();
  EXPECT_EQ(connection()["delivered"], 3);
  EXPECT_EQ(connection()["queued_bytes"], 0);
  connection_->wire().room = 0;
  connection_->outbox().set_limit(1'000);
  while (connection_->outbox().dropped() < 2) {
    publish("t", ++published_);
    lane().catch_up();
  }
  const std::size_t waiting = connection_->outbox().queued_bytes();
  const json told = connection();
  EXPECT_EQ(told["dropped"], connection_->outbox().dropped());
  EXPECT_EQ(told["queued_bytes"], waiting);
  EXPECT_EQ(told["delivered"], 3);
}

TEST_F(StatsTest, CostsAMessageMoreForEach64Subscriptions) {
  subscribe_to(64 * 9);
  std::size_t answered = 0;
  for (; totals_ == nullptr; ++answered) {
    say({{"type", "get_stats"}});
    if (totals_ == nullptr) break;
    tell_totals();
  }
  EXPECT_EQ(answered, 2 * config()->limits.messages_per_second / 10);
}

// Who lags, gives up and takes up again for as long as it is here has as many counts as subscriptions, once
// they are looked at again.
TEST_F(StatsTest, KeepsNoCountOfWhatWasGivenUp) {
  Config conflating = *config();
  conflating.routes.emplace_back();
  conflating.routes.back().match = "*";
  conflating.routes.back().overflow = Overflow::conflate;
  bridge_.reload(std::make_shared<Config>(conflating));
  for (int i = 0; i < 5; ++i) {
    const std::string topic = "t:" + std::to_string(i);
    say({{"type", "subscribe"}, {"topic", topic}});
    lane().catch_up();
    connection_->wire().room = 0;
    for (int n = 0; n < 4; ++n) {
      publish(topic, ++published_);
      lane().catch_up();
    }
    connection_->make_room(1 << 24);
    lane().requests().replaced(connection_->session());
    const auto* counts = lane().requests().replaced(connection_->session());
    ASSERT_NE(counts, nullptr);
    EXPECT_THAT(*counts, SizeIs(1)) << topic;
    say({{"type", "unsubscribe"}, {"topic", topic}});
    lane().catch_up();
  }
}

TEST_F(StatsTest, TellsWhatWasReplacedOfEachSubscriptionThatBroughtIt) {
  Config conflating = *config();
  conflating.routes.emplace_back();
  conflating.routes.back().match = "t:*";
  conflating.routes.back().overflow = Overflow::conflate;
  bridge_.reload(std::make_shared<Config>(conflating));
  for (const char* topic : {"t:*", "t:1", "t:2", "u"})
    say({{"type", "subscribe"}, {"topic", topic}});
  lane().catch_up();
  heard();
  connection_->wire().room = 0;
  for (const char* topic : {"t:1", "t:1", "t:1", "t:1", "t:2", "t:2", "t:2"}) {
    publish(topic, ++published_);
    lane().catch_up();
  }
  connection_->make_room(1 << 24);
  heard();
  say({{"type", "get_stats"}});
  tell_totals();
  std::map<std::string, std::uint64_t> replaced;
  const json stats = heard().at(0);
  for (const json& row : stats["data"]["connection"]["subscriptions"])
    replaced[row["topic"]] = row["replaced"];
  EXPECT_GT(replaced["t:1"], 1U);
  EXPECT_GT(replaced["t:2"], 0U);
  EXPECT_EQ(replaced["t:*"], replaced["t:1"] + replaced["t:2"]);
  EXPECT_EQ(replaced["u"], 0U);
  EXPECT_EQ(replaced["t:*"], lane().metrics().replaced.value());
}

// The keys of anonymous clients' tokens are fetched, and come when the test says so.
class SlowTokenTest : public ::testing::Test {
 protected:
  SlowTokenTest() : bridge_(config(), 1, clock_) {
    lane().verifier().fetch_keys_by([] { return KeyFetch::begins; });
    connection_.emplace(lane());
    connection_->make_room(1 << 24);
  }

  static ConfigPtr config() {
    auto config = std::make_shared<Config>();
    config->auth.jwks_url = "https://keys.example.com/";
    config->auth.audience = {"*"};
    return config;
  }

  ModelLane& lane() { return *bridge_.lanes()[0]; }
  void say(std::string_view message) {
    lane().requests().on_message(connection_->session(), message, false);
  }
  void show_token() { say(json{{"type", "auth"}, {"token", token_}}.dump()); }
  // No keys have come: the verdict is there when this returns.
  void judge() {
    std::promise<void> judged;
    lane().verifier().verify(token_, [&](const Verdict&) { judged.set_value(); });
    lane().verifier().fetch_ended();
    judged.get_future().wait();
    lane().catch_up();
  }
  bool told(std::string_view what) {
    return connection_->wire().taken.find(what) != std::string::npos;
  }

  const std::string token_ =
      forge::token(forge::Signer::ec(), "ES256", R"({"sub":"ada","exp":1800003600})");
  ModelClock clock_;
  ModelBridge bridge_;
  std::optional<ModelConnection> connection_;
};

TEST_F(SlowTokenTest, NothingIsReadUntilATokenHasBeenJudged) {
  EXPECT_FALSE(connection_->session().busy());
  show_token();
  EXPECT_TRUE(connection_->session().busy());
  say(R"({"type":"ping"})");
  lane().catch_up();
  EXPECT_FALSE(told("pong"));
  EXPECT_EQ(connection_->read_again(), 0U);
  judge();
  EXPECT_TRUE(told("\"success\":false"));
  EXPECT_TRUE(told("pong"));
  EXPECT_FALSE(connection_->session().busy());
  EXPECT_EQ(connection_->read_again(), 1U);
}

TEST_F(SlowTokenTest, TheLastOfManyTokensIsWaitedForBeforeMoreIsRead) {
  show_token();
  show_token();
  judge();
  EXPECT_TRUE(connection_->session().busy());
  EXPECT_EQ(connection_->read_again(), 0U);
  judge();
  EXPECT_FALSE(connection_->session().busy());
  EXPECT_EQ(connection_->read_again(), 1U);
}

TEST_F(SlowTokenTest, WhoseTokenHasNotBeenJudgedHearsNothingAlsoAfterAReload) {
  ModelConnection stranger(lane(), token_);
  lane().requests().review(stranger.session());
  lane().catch_up();
  EXPECT_EQ(stranger.session().state(), Session::State::opening);
  EXPECT_FALSE(lane().router().receives(stranger.outbox(), "@all"));
  judge();
  EXPECT_TRUE(stranger.ended());
}

TEST_F(SlowTokenTest, EmptyMessagesThatWaitCountToo) {
  show_token();
  for (int i = 0; i < 5000 && !connection_->ended(); ++i) say("");
  EXPECT_EQ(connection_->session().close_code(), 4429);
  judge();
  EXPECT_FALSE(told("success"));
}

// What it said before was not heard: reading was paused for longer than it may be silent.
TEST_F(SlowTokenTest, WhoWasNotReadWasNotSilent) {
  show_token();
  clock_.advance(config()->heartbeat.timeout);
  judge();
  connection_->session().on_timer(clock_.steady());
  EXPECT_FALSE(connection_->ended());
}

}  // namespace
}  // namespace zws
