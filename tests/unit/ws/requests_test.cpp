// What clients say, over a lane without threads and a clock that the test moves.
#include "ws/requests.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "unit/ws/model_bridge.hpp"

namespace zws {
namespace {

using nlohmann::json;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::SizeIs;

class RequestsTest : public ::testing::Test {
 protected:
  RequestsTest() : bridge_(config(), 1, clock_) { come(); }

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
};

TEST_F(RequestsTest, AnErrorOverTheMinutesBoundEndsTheConnection) {
  say_nonsense(3);
  EXPECT_FALSE(thrown_out());
  clock_.advance(std::chrono::seconds(59));
  say_nonsense(1);
  EXPECT_TRUE(thrown_out());
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
  const std::size_t at_once = heard().size();
  EXPECT_GT(at_once, 0U);
  EXPECT_LT(at_once, 300U) << "others have their turn";
  lane().catch_up();
  std::vector<std::string> topics = topics_of(heard());
  ASSERT_THAT(topics, SizeIs(300 - at_once));
  for (std::size_t i = 0; i < topics.size(); ++i)
    EXPECT_EQ(topics[i], "t" + std::to_string(at_once + i));
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
  say(many("subscribe", 300));
  lane().requests().on_message(other.session(), many("subscribe", 300).dump(), false);
  heard();
  other.wire().taken.clear();
  lane().take_turn();
  EXPECT_FALSE(connection_->wire().taken.empty());
  lane().take_turn();
  EXPECT_FALSE(other.wire().taken.empty());
}

TEST_F(RequestsTest, WhoLeavesDuringALongRequestLeavesNothingBehind) {
  say(many("subscribe", 300));
  connection_.reset();
  lane().catch_up();
  EXPECT_EQ(lane().metrics().subscriptions.value(), 0U);
  EXPECT_EQ(bridge_.exchange().look().history().topics(), 0U);
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

}  // namespace
}  // namespace zws
