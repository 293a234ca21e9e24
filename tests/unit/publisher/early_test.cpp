// What is published before the first bridge has subscribed.
#include "early.hpp"

#include <gmock/gmock.h>

#include <future>
#include <memory>
#include <nlohmann/json.hpp>

#include "unit/publisher/listener.hpp"
#include "zws/publisher.hpp"

namespace zws {
namespace {

using nlohmann::json;
using test::Listener;
using namespace std::chrono_literals;

constexpr const char* nobody = "tcp://127.0.0.1:1";

// Where nobody listens yet.
std::string free_endpoint() { return Listener().endpoint(); }

Listener::Options at(const std::string& endpoint) {
  Listener::Options options;
  options.bind = endpoint;
  return options;
}

// False when it has not come to so many in five seconds.
bool drops(Publisher& publisher, std::uint64_t events) {
  const auto end = std::chrono::steady_clock::now() + 5s;
  while (publisher.dropped() < events && std::chrono::steady_clock::now() < end) continue;
  return publisher.dropped() == events;
}

TEST(EarlyTest, TheFirstEventsArriveInOrderWithoutWaitingForTheBridge) {
  Listener bridge;
  Publisher publisher(bridge.endpoint());
  for (int i = 1; i <= 100; ++i) ASSERT_EQ(publisher.publish("a", "1", "k"), Outcome::sent);

  for (int seq = 1; seq <= 100; ++seq)
    ASSERT_EQ(json::parse(bridge.receive().value().at(2))["seq"], seq);
  EXPECT_EQ(publisher.dropped(), 0u);
}

TEST(EarlyTest, AnEarlyEventLeavesThoughNothingIsPublishedAfterIt) {
  const std::string endpoint = free_endpoint();
  PublisherOptions options;
  options.early_seconds = 60s;
  Publisher publisher(endpoint, options);
  ASSERT_EQ(publisher.publish("a", "only"), Outcome::sent);

  Listener bridge(at(endpoint));
  ASSERT_TRUE(bridge.bound());
  EXPECT_EQ(bridge.receive().value()[1], "only");
}

TEST(EarlyTest, WithoutHeadersTheyHaveNone) {
  Listener bridge;
  PublisherOptions options;
  options.headers = false;
  Publisher publisher(bridge.endpoint(), options);
  ASSERT_EQ(publisher.publish("a", ""), Outcome::sent);
  EXPECT_EQ(bridge.receive().value(), (std::vector<std::string>{"a", ""}));
}

TEST(EarlyTest, WhatWaitsGoesBeforeWhatComesAfter) {
  const std::string endpoint = free_endpoint();
  Publisher publisher(endpoint);
  ASSERT_EQ(publisher.publish("a", "first"), Outcome::sent);
  Listener bridge(at(endpoint));
  const auto end = std::chrono::steady_clock::now() + 5s;
  while (!publisher.wait_ready(1ms)) {
    bridge.attend();
    ASSERT_LT(std::chrono::steady_clock::now(), end);
  }
  ASSERT_EQ(publisher.publish("a", "second"), Outcome::sent);
  EXPECT_EQ(bridge.receive().value()[1], "first");
  EXPECT_EQ(bridge.receive().value()[1], "second");
}

TEST(EarlyTest, NoMoreWaitThanTheQueueHoldsAndSixteenMebibytes) {
  PublisherOptions options;
  options.linger = 0ms;
  options.queue_events = 3;
  Publisher few(nobody, options);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(few.publish("a", "1"), Outcome::sent);
  EXPECT_EQ(few.publish("a", "1"), Outcome::no_bridge);

  options.queue_events = 1000;
  Publisher large(nobody, options);
  const std::string mebibyte(1024 * 1024, 'x');
  int taken = 0;
  while (large.publish("a", mebibyte) == Outcome::sent) ++taken;
  EXPECT_EQ(taken, 15);  // and their topics and headers
}

TEST(EarlyTest, WhenTheTimeIsOverWhatWaitedIsCounted) {
  PublisherOptions options;
  options.early_seconds = 20ms;
  Publisher publisher(nobody, options);
  ASSERT_EQ(publisher.publish("a", "1"), Outcome::sent);
  ASSERT_EQ(publisher.publish("a", "2"), Outcome::sent);

  ASSERT_TRUE(drops(publisher, 2));
  EXPECT_EQ(publisher.publish("a", "3"), Outcome::no_bridge);
  EXPECT_EQ(publisher.dropped(), 3u);
}

TEST(EarlyTest, TheirTimeBeginsWithTheFirstHoweverManyFollow) {
  Early early(300ms, 10'000);
  const auto end = std::chrono::steady_clock::now() + 5s;
  for (auto next = std::chrono::steady_clock::now(); !early.is_over();) {
    const auto now = std::chrono::steady_clock::now();
    ASSERT_LT(now, end);
    if (now < next) continue;
    ASSERT_TRUE(early.take("a", "1", ""));
    next = now + 1ms;
  }
}

TEST(EarlyTest, CloseGivesThemItsTime) {
  const std::string endpoint = free_endpoint();
  Publisher publisher(endpoint);
  ASSERT_EQ(publisher.publish("a", "last"), Outcome::sent);
  auto closed = std::async(std::launch::async, [&] { return publisher.close(5s); });
  Listener bridge(at(endpoint));
  EXPECT_EQ(bridge.receive().value()[1], "last");
  EXPECT_TRUE(closed.get());
}

TEST(EarlyTest, CloseSaysThatNoBridgeCame) {
  Publisher publisher(nobody);
  for (int i = 0; i < 3; ++i) ASSERT_EQ(publisher.publish("a", "1"), Outcome::sent);
  EXPECT_FALSE(publisher.close(20ms));
  EXPECT_EQ(publisher.dropped(), 3u);
}

}  // namespace
}  // namespace zws
