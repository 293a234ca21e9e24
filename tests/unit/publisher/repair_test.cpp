// A publisher that is asked for events again.
#include "repair.hpp"

#include <gmock/gmock.h>

#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "unit/publisher/listener.hpp"
#include "unit/publisher/repairing_bridge.hpp"
#include "zws/publisher.hpp"

namespace zws {
namespace {

using nlohmann::json;
using test::CurvePair;
using test::Frames;
using test::Listener;
using test::RepairingBridge;
using testing::ElementsAre;

const Frames hello{"hello"};

PublisherOptions asked_at(const std::string& endpoint) {
  PublisherOptions options;
  options.repair = {endpoint};
  options.early_seconds = std::chrono::milliseconds{0};
  return options;
}

// A publisher that no bridge hears, and one that asks it.
struct Asked {
  explicit Asked(std::size_t bytes = 1024 * 1024) : options(asked_at(bridge.endpoint())) {
    options.repair_bytes = bytes;
    publisher = std::make_unique<Publisher>("tcp://127.0.0.1:1", options);
  }

  void publish(const std::string& topic, int count, const std::string& payload = "1") {
    for (int i = 0; i < count; ++i) publisher->publish(topic, payload);
  }

  // What the publisher says of its source. There must be something to say.
  std::string source() { return bridge.ask(hello).at(1); }

  RepairingBridge bridge;
  PublisherOptions options;
  std::unique_ptr<Publisher> publisher;
};

std::uint64_t seq_of(const Frames& event) { return json::parse(event.at(3))["seq"]; }

TEST(RepairEndpointsTest, AreThePortsAfterThoseItConnectsTo) {
  const auto found = [](const std::string& endpoint, const PublisherOptions& options = {}) {
    return repair_endpoints({endpoint}, options);
  };
  EXPECT_THAT(found("tcp://127.0.0.1:5556"), ElementsAre("tcp://127.0.0.1:5557"));
  EXPECT_THAT(found("tcp://[::1]:9"), ElementsAre("tcp://[::1]:10"));
  EXPECT_THAT(found("tcp://10.0.0.1;bridge:5556"), ElementsAre("tcp://10.0.0.1;bridge:5557"));
  for (const char* none : {"ipc:///run/bridge.ipc", "tcp://host:65535", "tcp://host", "tcp://a:b"})
    EXPECT_THAT(found(none), ElementsAre()) << none;
  EXPECT_THAT(repair_endpoints({"tcp://a:1", "ipc:///b", "tcp://c:3"}, {}),
              ElementsAre("tcp://a:2", "tcp://c:4"));

  PublisherOptions bound;
  bound.bind = true;
  EXPECT_THAT(found("tcp://127.0.0.1:5556", bound), ElementsAre());
  bound.repair = {"tcp://a:1", "ipc:///b"};
  EXPECT_THAT(found("tcp://127.0.0.1:5556", bound), ElementsAre("tcp://a:1", "ipc:///b"));

  PublisherOptions off;
  off.repair = {};
  EXPECT_THAT(found("tcp://127.0.0.1:5556", off), ElementsAre());
  PublisherOptions headerless;
  headerless.headers = false;
  EXPECT_THAT(found("tcp://127.0.0.1:5556", headerless), ElementsAre());
  headerless.repair = {"tcp://a:1"};
  EXPECT_THROW(found("tcp://127.0.0.1:5556", headerless), PublisherError);
  PublisherOptions nothing;
  nothing.repair_bytes = 0;
  EXPECT_THAT(found("tcp://127.0.0.1:5556", nothing), ElementsAre());
}

TEST(RepairTest, HelloIsAnsweredWithAllThatIsHeld) {
  Asked asked;
  asked.publish("a", 3);
  asked.publish("b", 2);
  asked.publish("@all", 1);
  asked.publish("@user/ada", 1);
  ASSERT_TRUE(asked.bridge.meet());

  const Frames have = asked.bridge.ask(hello);
  ASSERT_EQ(have.size(), 8u);
  EXPECT_EQ(have[0], "have");
  EXPECT_THAT(have[1], testing::MatchesRegex("[A-Za-z0-9_-]{1,64}"));
  EXPECT_THAT(Frames(have.begin() + 2, have.end()), ElementsAre("a", "1", "3", "b", "1", "2"));
}

TEST(RepairTest, WhatIsWantedComesAgainByteForByteAndThenTheEnd) {
  RepairingBridge bridge;
  Listener listener;
  Publisher publisher(listener.endpoint(), asked_at(bridge.endpoint()));
  for (int i = 0; i < 5000 && !publisher.wait_ready(std::chrono::milliseconds{1}); ++i)
    listener.attend();
  std::vector<Frames> heard;
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(publisher.publish("a", std::string("\0 bytes", 7) + std::to_string(i), "k\"ey"),
              Outcome::sent);
    heard.push_back(listener.receive().value());
  }
  const std::string source = json::parse(heard[0].at(2))["src"];

  ASSERT_TRUE(bridge.meet());
  bridge.send({"want", source, "a", "2", "3"});
  for (const std::size_t i : {1u, 2u})
    EXPECT_EQ(bridge.receive(), (Frames{"event", "a", heard[i][1], heard[i][2]}));
  EXPECT_EQ(bridge.receive(), (Frames{"end", source, "a", "2", "3"}));
}

TEST(RepairTest, WhatCannotBeHadIsPassedOver) {
  Asked asked(3000);
  asked.publish("a", 100, std::string(100, 'x'));
  ASSERT_TRUE(asked.bridge.meet());
  const Frames have = asked.bridge.ask(hello);
  const std::uint64_t first = std::stoull(have.at(3));
  EXPECT_GT(first, 70u);
  EXPECT_LT(first, 85u);
  EXPECT_EQ(have.at(4), "100");

  asked.bridge.send({"want", have[1], "a", "50", "150"});
  for (std::uint64_t seq = first; seq <= 100; ++seq) ASSERT_EQ(seq_of(asked.bridge.answer()), seq);
  EXPECT_EQ(asked.bridge.answer(), (Frames{"end", have[1], "a", "50", "150"}));

  asked.bridge.send({"want", "another", "a", "100", "100"});
  EXPECT_EQ(asked.bridge.answer(), (Frames{"end", "another", "a", "100", "100"}));
  asked.bridge.send({"want", have[1], "b", "1", "2"});
  EXPECT_EQ(asked.bridge.answer(), (Frames{"end", have[1], "b", "1", "2"}));
}

TEST(RepairTest, OfATopicOfWhichNothingIsHeldTheNumberIsTold) {
  Asked asked(3000);
  asked.publish("a", 2, std::string(5000, 'x'));
  ASSERT_TRUE(asked.bridge.meet());
  const Frames have = asked.bridge.ask(hello);
  EXPECT_THAT(Frames(have.begin() + 2, have.end()), ElementsAre("a", "3", "2"));
}

TEST(RepairTest, ManyTopicsAreToldInSeveralMessages) {
  Asked asked;
  for (int i = 0; i < 600; ++i) asked.publish("t" + std::to_string(i), 1);
  ASSERT_TRUE(asked.bridge.meet());
  asked.bridge.send(hello);
  std::set<std::string> told;
  while (told.size() < 600) {
    const Frames have = asked.bridge.receive();
    ASSERT_GT(have.size(), 2u);
    ASSERT_LE(have.size(), 2 + 3 * 250u);
    for (std::size_t i = 2; i < have.size(); i += 3) told.insert(have[i]);
  }
}

TEST(RepairTest, WhatHasChangedIsToldAndNothingElse) {
  Asked asked;
  asked.publish("a", 1);
  ASSERT_TRUE(asked.bridge.meet());
  const std::string source = asked.source();
  asked.publish("b", 2);
  EXPECT_EQ(asked.bridge.receive(), (Frames{"have", source, "b", "1", "2"}));
  asked.publish("c", 1);
  EXPECT_EQ(asked.bridge.receive(), (Frames{"have", source, "c", "1", "1"}));
}

TEST(RepairTest, ABridgeThatComesBackIsToldAgain) {
  Asked asked;
  asked.publish("a", 1);
  auto before = std::make_unique<RepairingBridge>();
  asked.options.repair = {before->endpoint()};
  Publisher publisher("tcp://127.0.0.1:1", asked.options);
  publisher.publish("a", "1");
  ASSERT_TRUE(before->meet());
  const Frames have = before->ask(hello);

  const std::string endpoint = before->endpoint();
  before.reset();
  RepairingBridge again(endpoint);
  ASSERT_TRUE(again.bound());
  ASSERT_TRUE(again.meet());
  EXPECT_EQ(again.ask(hello), have);
}

TEST(RepairTest, WhatIsNoRequestIsIgnored) {
  Asked asked;
  asked.publish("a", 1100);
  ASSERT_TRUE(asked.bridge.meet());
  const std::string source = asked.source();
  for (const Frames& wrong :
       std::initializer_list<Frames>{{""},
                                     {"what"},
                                     {"hello", "2"},
                                     {"want"},
                                     {"want", source, "a", "1"},
                                     {"want", source, "a", "1", "1", ""},
                                     {"want", source, "a", "0", "1"},
                                     {"want", source, "a", "2", "1"},
                                     {"want", source, "a", "-1", "1"},
                                     {"want", source, "a", "1", "1x"},
                                     {"want", source, "a", "", "1"},
                                     {"want", source, "a", "1", "99999999999999999999"}})
    asked.bridge.send(wrong);
  asked.bridge.send({"want", source, "a", "7", "7"});
  EXPECT_EQ(seq_of(asked.bridge.answer()), 7u);
  EXPECT_EQ(asked.bridge.answer().at(0), "end");
}

TEST(RepairTest, NoMoreThanAThousandAreSentForOneRequest) {
  Asked asked;
  asked.publish("a", 1100);
  ASSERT_TRUE(asked.bridge.meet());
  const std::string source = asked.source();
  asked.bridge.send({"want", source, "a", "5", "1100"});
  for (std::uint64_t seq = 5; seq < 1005; ++seq) ASSERT_EQ(seq_of(asked.bridge.answer()), seq);
  EXPECT_EQ(asked.bridge.answer(), (Frames{"end", source, "a", "5", "1004"}));
}

TEST(RepairTest, CloseGivesBridgesTheTimeToAskForWhatWasJustDropped) {
  Asked asked;
  asked.publish("a", 1);
  ASSERT_TRUE(asked.bridge.meet());
  const std::string source = asked.source();
  asked.publish("a", 1);
  auto closed = std::async(std::launch::async,
                           [&] { return asked.publisher->close(std::chrono::seconds(5)); });
  EXPECT_EQ(asked.bridge.receive(), (Frames{"have", source, "a", "1", "2"}));
  asked.bridge.send({"want", source, "a", "2", "2"});
  EXPECT_EQ(asked.bridge.answer().at(0), "event");
  EXPECT_EQ(asked.bridge.answer().at(0), "end");
  EXPECT_TRUE(closed.get());
}

TEST(RepairTest, ABridgeThatTakesNothingKeepsNoOtherWaiting) {
  RepairingBridge stuck, other;
  PublisherOptions options = asked_at(stuck.endpoint());
  options.repair.push_back(other.endpoint());
  Publisher publisher("tcp://127.0.0.1:1", options);
  const std::string payload(100'000, 'x');
  for (int i = 0; i < 150; ++i) publisher.publish("a", payload);
  ASSERT_TRUE(stuck.meet());
  ASSERT_TRUE(other.meet());
  const std::string source = stuck.ask(hello).at(1);
  for (int i = 0; i < 10; ++i) stuck.send({"want", source, "a", "1", "1000"});

  other.send({"want", source, "a", "1", "1000"});
  for (std::uint64_t seq = 1; seq <= 150; ++seq) ASSERT_EQ(seq_of(other.receive()), seq);
  EXPECT_EQ(other.receive().at(0), "end");
}

TEST(RepairTest, NoBridgeIsToldOfEventsThatWaitForTheFirst) {
  RepairingBridge bridge;
  const std::string endpoint = Listener().endpoint();  // its port is free again
  PublisherOptions options = asked_at(bridge.endpoint());
  options.early_seconds = std::chrono::seconds(60);
  Publisher publisher(endpoint, options);
  ASSERT_EQ(publisher.publish("a", "1"), Outcome::sent);
  ASSERT_TRUE(bridge.meet());
  bridge.send(hello);
  for (const char* number : {"1", "2"})
    EXPECT_EQ(bridge.ask({"want", "another", "a", number, number}).at(0), "end");

  Listener::Options at;
  at.bind = endpoint;
  Listener listener(at);
  ASSERT_TRUE(listener.receive());
  const Frames have = bridge.receive();
  EXPECT_THAT(Frames(have.begin() + 2, have.end()), ElementsAre("a", "1", "1"));
}

TEST(RepairTest, WhenAllIsCountedAnewTheNewSourceIsTold) {
  Asked asked;
  asked.options.topics = 2;
  RepairingBridge bridge;
  asked.options.repair = {bridge.endpoint()};
  Publisher publisher("tcp://127.0.0.1:1", asked.options);
  for (const char* topic : {"a", "b"}) publisher.publish(topic, "1");
  ASSERT_TRUE(bridge.meet());
  const std::string before = bridge.ask(hello).at(1);
  publisher.publish("c", "1");
  const Frames have = bridge.receive();
  EXPECT_NE(have.at(1), before);
  EXPECT_THAT(Frames(have.begin() + 2, have.end()), ElementsAre("c", "1", "1"));
  bridge.send({"want", before, "a", "1", "1"});
  EXPECT_EQ(bridge.receive().at(0), "end");
}

TEST(RepairTest, ThreadsMayCloseItTogetherWhileABridgeGoesOnAsking) {
  RepairingBridge bridge("tcp://127.0.0.1:*");
  ASSERT_TRUE(bridge.bound());
  Publisher publisher("tcp://127.0.0.1:1", asked_at(bridge.endpoint()));
  for (int i = 0; i < 1000; ++i) publisher.publish("a", std::string(100, 'x'));
  ASSERT_TRUE(bridge.meet());
  const std::string source = bridge.ask(hello).at(1);
  for (int i = 0; i < 10; ++i) bridge.send({"want", source, "a", "1", "1000"});
  const auto close = [&publisher] { publisher.close(std::chrono::milliseconds(50)); };
  std::thread first(close);
  std::thread second(close);
  first.join();
  second.join();
  EXPECT_EQ(publisher.publish("a", "1"), Outcome::closed);
}

TEST(RepairTest, WithCurveKeysItIsAskedToo) {
  const CurvePair keys = CurvePair::make();
  RepairingBridge bridge("tcp://127.0.0.1:*", keys.secret_key);
  PublisherOptions options = asked_at(bridge.endpoint());
  options.curve_server_key = keys.public_key;
  Publisher publisher("tcp://127.0.0.1:1", options);
  publisher.publish("a", "1");
  ASSERT_TRUE(bridge.meet());
  EXPECT_EQ(bridge.ask(hello).at(0), "have");
}

// It takes the time after which the publisher tries again.
TEST(RepairTest, ABridgeThatRefusedIsTriedAgain) {
  auto strict =
      std::make_unique<RepairingBridge>("tcp://127.0.0.1:*", CurvePair::make().secret_key);
  const std::string endpoint = strict->endpoint();
  Publisher publisher("tcp://127.0.0.1:1", asked_at(endpoint));
  publisher.publish("a", "1");
  ASSERT_FALSE(strict->meet());
  strict.reset();
  RepairingBridge bridge(endpoint);
  ASSERT_TRUE(bridge.bound());
  ASSERT_TRUE(bridge.meet() || bridge.meet());
  EXPECT_EQ(bridge.ask(hello).at(0), "have");
}

TEST(RepairTest, AnEndpointThatIsNoneIsNamed) {
  try {
    const Publisher publisher("tcp://127.0.0.1:1", asked_at("localhost:5557"));
    FAIL();
  } catch (const PublisherError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("'localhost:5557' is not"));
  }
}

}  // namespace
}  // namespace zws
