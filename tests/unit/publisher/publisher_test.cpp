#include "zws/publisher.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <iomanip>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "support/folder.hpp"
#include "unit/publisher/listener.hpp"
#include "unit/publisher/silent_bridge.hpp"

namespace zws {
namespace {

using nlohmann::json;
using test::CurvePair;
using test::Listener;
using namespace std::chrono_literals;

constexpr auto deadline = 5s;

bool meet(Publisher& publisher, const std::vector<Listener*>& bridges,
          std::string_view topic = {}) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!publisher.wait_ready(1ms, topic)) {
    if (std::chrono::steady_clock::now() > end) return false;
    for (Listener* bridge : bridges) bridge->attend();
  }
  return true;
}

// Connections of this process to a port of 127.0.0.1 whose own end is not closed yet.
std::size_t open_connections_to(const std::string& endpoint) {
  std::ostringstream wanted;
  wanted << "0100007F:" << std::uppercase << std::hex << std::setw(4) << std::setfill('0')
         << std::stoi(endpoint.substr(endpoint.rfind(':') + 1));
  std::ifstream table("/proc/self/net/tcp");
  std::string line, number, local, remote, state;
  std::getline(table, line);
  std::size_t count = 0;
  while (std::getline(table, line)) {
    std::istringstream(line) >> number >> local >> remote >> state;
    count += remote == wanted.str() && (state == "01" || state == "08");  // ESTABLISHED, CLOSE_WAIT
  }
  return count;
}

// What is sent before libzmq sees that the bridge has gone goes with it. False if it does not see it.
bool is_cut_off_from(const std::string& endpoint) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (open_connections_to(endpoint) > 0)
    if (std::chrono::steady_clock::now() > end) return false;
  return true;
}

json header_of(const std::vector<std::string>& frames) { return json::parse(frames.at(2)); }

TEST(PublisherTest, AnEventIsTopicPayloadAndHeader) {
  Listener bridge;
  Publisher publisher(bridge.endpoint());
  ASSERT_TRUE(meet(publisher, {&bridge}));
  const auto before = std::chrono::system_clock::now().time_since_epoch();

  EXPECT_EQ(publisher.publish("orders", R"({"type":"order"})", "ke\"y"), Outcome::sent);

  const auto frames = bridge.receive().value();
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0], "orders");
  EXPECT_EQ(frames[1], R"({"type":"order"})");
  const json header = header_of(frames);
  EXPECT_THAT(header["src"].get<std::string>(), testing::MatchesRegex("[A-Za-z0-9_-]{1,64}"));
  EXPECT_EQ(header["seq"], 1);
  EXPECT_GE(header["ts"].get<std::int64_t>(), std::chrono::nanoseconds(before).count());
  EXPECT_EQ(header["key"], "ke\"y");
  EXPECT_EQ(header.size(), 4u);
}

TEST(PublisherTest, WithoutHeadersAnEventIsTopicAndPayload) {
  Listener bridge;
  PublisherOptions options;
  options.headers = false;
  Publisher publisher(bridge.endpoint(), options);
  ASSERT_TRUE(meet(publisher, {&bridge}));

  EXPECT_EQ(publisher.publish("orders", "", "key"), Outcome::bad_key);
  EXPECT_EQ(publisher.publish("orders", ""), Outcome::sent);

  EXPECT_EQ(bridge.receive().value(), (std::vector<std::string>{"orders", ""}));
}

TEST(PublisherTest, EachTopicCountsForItself) {
  Listener bridge;
  Publisher publisher(bridge.endpoint());
  ASSERT_TRUE(meet(publisher, {&bridge}));

  for (const char* topic : {"a", "b", "a", "a", "b"}) publisher.publish(topic, "1");

  std::vector<std::pair<std::string, int>> seen;
  std::set<std::string> sources;
  for (int i = 0; i < 5; ++i) {
    const auto frames = bridge.receive().value();
    seen.emplace_back(frames[0], header_of(frames)["seq"].get<int>());
    sources.insert(header_of(frames)["src"].get<std::string>());
  }
  EXPECT_THAT(seen, testing::ElementsAre(std::pair("a", 1), std::pair("b", 1), std::pair("a", 2),
                                         std::pair("a", 3), std::pair("b", 2)));
  EXPECT_EQ(sources.size(), 1u);
}

TEST(PublisherTest, ForgottenTopicsCountAnewUnderANewSource) {
  Listener bridge;
  PublisherOptions options;
  options.topics = 2;
  Publisher publisher(bridge.endpoint(), options);
  ASSERT_TRUE(meet(publisher, {&bridge}));

  for (const char* topic : {"a", "b", "c", "a"}) publisher.publish(topic, "1");

  std::vector<json> headers;
  for (int i = 0; i < 4; ++i) headers.push_back(header_of(bridge.receive().value()));
  EXPECT_EQ(headers[0]["src"], headers[1]["src"]);
  EXPECT_EQ(headers[2]["src"], headers[3]["src"]);
  EXPECT_NE(headers[0]["src"], headers[3]["src"]);
  EXPECT_EQ(headers[3]["seq"], 1);
}

TEST(PublisherTest, InvalidTopicsAndKeysAreRefused) {
  Listener bridge;
  Publisher publisher(bridge.endpoint());
  ASSERT_TRUE(meet(publisher, {&bridge}));

  for (const std::string& topic :
       {std::string(), std::string("import:*"), std::string("a\nb"), std::string(256, 'x'),
        std::string("\xff"), std::string("@else")})
    EXPECT_EQ(publisher.publish(topic, "1"), Outcome::bad_topic) << topic;
  EXPECT_EQ(publisher.publish("a", "1", std::string(256, 'k')), Outcome::bad_key);
  EXPECT_EQ(publisher.publish("a", "1", "\xff"), Outcome::bad_key);
  EXPECT_EQ(publisher.publish(std::string(255, 'x'), "1", std::string(255, 'k')), Outcome::sent)
      << "the longest that there may be";
  EXPECT_EQ(publisher.dropped(), 0u);
}

TEST(PublisherTest, AnEventThatIsTooBigIsRefusedAndTakesNoNumber) {
  Listener bridge;
  PublisherOptions options;
  options.max_event_bytes = 10;
  Publisher publisher(bridge.endpoint(), options);
  ASSERT_TRUE(meet(publisher, {&bridge}));

  EXPECT_EQ(publisher.publish("a", std::string(11, 'x')), Outcome::too_big);
  EXPECT_EQ(publisher.publish("a", std::string(10, 'x')), Outcome::sent);

  EXPECT_EQ(header_of(bridge.receive().value())["seq"], 1);
  EXPECT_EQ(publisher.dropped(), 0u);
}

TEST(PublisherTest, TheVerbsSendTheMessagesThatBrowsersKnow) {
  Listener bridge;
  Publisher publisher(bridge.endpoint());
  ASSERT_TRUE(meet(publisher, {&bridge}));

  publisher.send_import_progress("task-1", R"({"status":"processing","progress":50.0})");
  publisher.send_wallet_update("0xabc", R"({"score":85})");
  publisher.send_notification(R"({"title":"T","content":"C","level":"info"})");
  publisher.send_system_status(R"({"cpu":45.2})");
  publisher.broadcast(R"({"type":"maintenance"})");

  std::vector<std::vector<std::string>> events;
  for (int i = 0; i < 5; ++i) events.push_back(bridge.receive().value());
  const auto without_time = [](const std::string& payload) {
    json message = json::parse(payload);
    EXPECT_THAT(
        message.at("timestamp").get<std::string>(),
        testing::MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z"));
    message.erase("timestamp");
    return message;
  };
  EXPECT_EQ(events[0][0], "import:task-1");
  EXPECT_EQ(without_time(events[0][1]),
            json::parse(R"({"type":"import_progress","task_id":"task-1","topic":"import:task-1",
                            "data":{"status":"processing","progress":50.0}})"));
  EXPECT_EQ(events[1][0], "wallet_updates");
  EXPECT_EQ(
      without_time(events[1][1]),
      json::parse(R"({"type":"wallet_update","wallet_address":"0xabc","data":{"score":85}})"));
  EXPECT_EQ(header_of(events[1])["key"], "0xabc");
  EXPECT_EQ(events[2][0], "notifications");
  EXPECT_EQ(without_time(events[2][1]), json::parse(R"({"type":"notification",
                            "data":{"title":"T","content":"C","level":"info"}})"));
  EXPECT_EQ(events[3][0], "system_status");
  EXPECT_EQ(without_time(events[3][1]),
            json::parse(R"({"type":"system_status","data":{"cpu":45.2}})"));
  EXPECT_EQ(events[4][0], "@all");
  EXPECT_EQ(events[4][1], R"({"type":"maintenance"})");
}

TEST(PublisherTest, ANotificationGoesToEachTargetUserAndToNobodyForAnEmptyList) {
  Listener bridge;
  Publisher publisher(bridge.endpoint());
  ASSERT_TRUE(meet(publisher, {&bridge}));

  EXPECT_EQ(publisher.send_notification("{}", {}), Outcome::sent);
  EXPECT_EQ(publisher.send_notification("{}", {"ada", "bob", "ada"}), Outcome::sent);
  EXPECT_EQ(publisher.send_notification("{}", {"c*", "dan"}), Outcome::bad_topic);

  for (const char* topic : {"@user/ada", "@user/bob", "@user/dan"})
    EXPECT_EQ(bridge.receive().value()[0], topic);
}

TEST(PublisherTest, TextThatIsNotOneJsonValueIsRefused) {
  Listener bridge;
  Publisher publisher(bridge.endpoint());
  ASSERT_TRUE(meet(publisher, {&bridge}));

  for (const char* text : {"", "{", "{} {}", "NaN", "{'a':1}", "\"\xff\""})
    EXPECT_EQ(publisher.send_system_status(text), Outcome::bad_json) << text;
  EXPECT_EQ(publisher.send_import_progress("a*", "{}"), Outcome::bad_topic);
  EXPECT_EQ(publisher.send_wallet_update("\xff", "{}"), Outcome::bad_key);
}

TEST(PublisherTest, EventsBeforeABridgeIsThereAreCountedWhereTheyMayNotWait) {
  PublisherOptions options;
  options.early_seconds = 0ms;
  Publisher publisher("tcp://127.0.0.1:1", options);

  EXPECT_FALSE(publisher.wait_ready(0ms));
  EXPECT_EQ(publisher.publish("a", "1"), Outcome::no_bridge);
  EXPECT_EQ(publisher.dropped(), 1u);
  EXPECT_FALSE(publisher.refused());
}

TEST(PublisherTest, WaitReadyKnowsWhichTopicsABridgeAskedFor) {
  Listener::Options asked;
  asked.prefixes = {"import:", "wallet"};
  Listener bridge(asked);
  Publisher publisher(bridge.endpoint());

  EXPECT_TRUE(meet(publisher, {&bridge}, "wallet_updates"));
  EXPECT_TRUE(meet(publisher, {&bridge}, "import:1"));
  EXPECT_FALSE(publisher.wait_ready(20ms, "system_status"));
}

TEST(PublisherTest, AFullQueueDropsCountsAndLeavesAHoleInTheNumbers) {
  Listener::Options slow;
  slow.hwm = 1;
  Listener bridge(slow);
  PublisherOptions options;
  options.queue_events = 4;
  options.linger = 0ms;
  Publisher publisher(bridge.endpoint(), options);
  ASSERT_TRUE(meet(publisher, {&bridge}));

  const std::string payload(1 << 20, 'x');  // more than the kernel's buffers take of it
  std::uint64_t published = 0;
  Outcome outcome = Outcome::sent;
  while (outcome == Outcome::sent && published < 1000) {
    outcome = publisher.publish("a", payload);
    ++published;
  }

  EXPECT_EQ(outcome, Outcome::queue_full);
  EXPECT_EQ(publisher.dropped(), 1u);
  for (std::uint64_t seq = 1; seq < published; ++seq)
    EXPECT_EQ(header_of(bridge.receive().value())["seq"], seq);
  ASSERT_EQ(publisher.publish("a", "1"), Outcome::sent);
  EXPECT_EQ(header_of(bridge.receive().value())["seq"], published + 1);
}

TEST(PublisherTest, ABridgeWhoseQueueIsFullCostsTheOthersNothing) {
  Listener::Options slow;
  slow.hwm = 1;
  Listener stuck(slow), other;
  PublisherOptions options;
  options.queue_events = 4;
  options.linger = 0ms;
  Publisher publisher(std::vector<std::string>{stuck.endpoint(), other.endpoint()}, options);
  ASSERT_TRUE(meet(publisher, {&stuck, &other}));

  const std::string payload(1 << 20, 'x');
  std::uint64_t published = 0;
  Outcome outcome = Outcome::sent;
  while (outcome == Outcome::sent && published < 1000) {
    outcome = publisher.publish("a", payload);
    ++published;
    const auto event = other.receive();
    ASSERT_TRUE(event.has_value()) << published;
    EXPECT_EQ(header_of(*event)["seq"], published);
  }
  EXPECT_EQ(outcome, Outcome::queue_full);
}

TEST(PublisherTest, WithFullWaitPublishWaitsForRoom) {
  Listener::Options slow;
  slow.hwm = 1;
  Listener bridge(slow);
  PublisherOptions options;
  options.queue_events = 4;
  options.full_wait = deadline;
  Publisher publisher(bridge.endpoint(), options);
  ASSERT_TRUE(meet(publisher, {&bridge}));
  const std::string payload(1 << 20, 'x');

  std::thread reader([&] {
    for (int seq = 1; seq <= 60; ++seq) EXPECT_EQ(header_of(bridge.receive().value())["seq"], seq);
  });
  for (int i = 0; i < 60; ++i) EXPECT_EQ(publisher.publish("a", payload), Outcome::sent);
  reader.join();
  EXPECT_EQ(publisher.dropped(), 0u);
}

TEST(PublisherTest, ThreadsShareAPublisherAndNoNumberIsMissing) {
  constexpr int threads = 4;
  constexpr int each = 500;
  Listener::Options roomy;
  roomy.hwm = 0;
  Listener bridge(roomy);
  Publisher publisher(bridge.endpoint());
  ASSERT_TRUE(meet(publisher, {&bridge}));

  std::vector<std::thread> writers;
  for (int i = 0; i < threads; ++i)
    writers.emplace_back([&] {
      for (int n = 0; n < each; ++n) publisher.publish("a", "1");
    });
  for (std::thread& writer : writers) writer.join();

  for (int seq = 1; seq <= threads * each; ++seq)
    ASSERT_EQ(header_of(bridge.receive().value())["seq"], seq);
}

TEST(PublisherTest, EventsWaitForABridgeThatRestarts) {
  auto bridge = std::make_unique<Listener>();
  const std::string endpoint = bridge->endpoint();
  Publisher publisher(endpoint);
  ASSERT_TRUE(meet(publisher, {bridge.get()}));
  publisher.publish("a", "before");
  ASSERT_EQ(bridge->receive().value()[1], "before");

  ASSERT_GT(open_connections_to(endpoint), 0u);
  bridge.reset();
  ASSERT_TRUE(is_cut_off_from(endpoint));
  EXPECT_EQ(publisher.publish("a", "meanwhile"), Outcome::sent);
  Listener::Options again;
  again.bind = endpoint;
  Listener restarted(again);
  ASSERT_TRUE(restarted.bound());

  EXPECT_EQ(restarted.receive().value()[1], "meanwhile");
}

// It takes the ten seconds after which a publisher asks: "\4PING", the silence that it allows both
// sides in tenths of a second, and no context.
TEST(PublisherTest, ABridgeThatIsSilentIsAskedWhetherItLives) {
  test::SilentBridge bridge;
  const Publisher publisher(bridge.endpoint());
  ASSERT_TRUE(bridge.accept());
  EXPECT_EQ(bridge.frame(), std::string("\4PING\x01\x2c", 7));
}

// libzmq stops reading where a thousand lie unread, and aborts when the connection breaks then.
TEST(PublisherTest, SubscriptionsThatNobodyReadsStopNothing) {
  test::SilentBridge bridge;
  const Publisher publisher(bridge.endpoint());
  ASSERT_TRUE(bridge.accept());
  ASSERT_TRUE(bridge.subscribe_and_ping(3000));
  EXPECT_EQ(bridge.frame(), "\4PONG");
}

TEST(PublisherTest, BridgesThatComeAndGoWhileNothingIsPublishedStopNothing) {
  const std::string endpoint = Listener().endpoint();  // its port is free again
  PublisherOptions options;
  options.bind = true;
  const Publisher publisher(endpoint, options);
  for (int i = 0; i < 2500; ++i) ASSERT_TRUE(test::SilentBridge(endpoint).accept()) << i;
}

TEST(PublisherTest, ABridgeAtAnIPv6AddressIsReached) {
  Listener::Options options;
  options.bind = "tcp://[::1]:*";
  Listener bridge(options);
  ASSERT_TRUE(bridge.bound());
  Publisher publisher(bridge.endpoint());
  ASSERT_TRUE(meet(publisher, {&bridge}));
}

TEST(PublisherTest, SeveralBridgesGetTheSameEvents) {
  Listener one, two;
  Publisher publisher(std::vector<std::string>{one.endpoint(), two.endpoint()});
  ASSERT_TRUE(meet(publisher, {&one, &two}));

  publisher.publish("a", "1");

  EXPECT_EQ(one.receive().value(), two.receive().value());
}

TEST(PublisherTest, APublisherThatBindsKnowsThatItsBridgeHasLeft) {
  const std::string endpoint = Listener().endpoint();  // its port is free again
  PublisherOptions options;
  options.bind = true;
  Publisher publisher(endpoint, options);
  auto bridge = std::make_unique<Listener>(Listener::Options{"", {""}, "", 1000});
  bridge->connect(endpoint);
  ASSERT_TRUE(meet(publisher, {bridge.get()}));
  EXPECT_EQ(publisher.publish("t", "{}"), Outcome::sent);
  bridge.reset();
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (publisher.wait_ready(0ms)) ASSERT_LT(std::chrono::steady_clock::now(), end);
  EXPECT_EQ(publisher.publish("t", "{}"), Outcome::no_bridge);
}

// What is sent to the one that stays goes through the same thread that notices the other's end.
TEST(PublisherTest, APublisherThatBindsSeesInAFewEventsThatItsBridgeHasLeft) {
  const std::vector<std::string> endpoints{Listener().endpoint(), Listener().endpoint()};
  PublisherOptions options;
  options.bind = true;
  Publisher publisher(endpoints, options);
  Listener stays(Listener::Options{"", {""}, "", 1000});
  stays.connect(endpoints[0]);
  auto leaves = std::make_unique<Listener>(Listener::Options{"", {""}, "", 1000});
  leaves->connect(endpoints[1]);
  ASSERT_TRUE(meet(publisher, {&stays, leaves.get()}));
  leaves.reset();
  int sent = 0;
  for (; sent < 200 && publisher.publish("t", "{}") == Outcome::sent; ++sent)
    ASSERT_TRUE(stays.receive());
  EXPECT_LT(sent, 200);
}

TEST(PublisherTest, ABridgeMayComeToAPublisherThatBinds) {
  Listener::Options comes;
  comes.bind = "";
  Listener bridge(comes);
  const Folder folder;
  const std::string endpoint = "ipc://" + (folder.path() / "bridge.ipc").string();
  PublisherOptions options;
  options.bind = true;
  Publisher publisher(endpoint, options);
  bridge.connect(endpoint);
  ASSERT_TRUE(meet(publisher, {&bridge}));

  EXPECT_EQ(publisher.publish("a", "1"), Outcome::sent);
  EXPECT_EQ(bridge.receive().value()[0], "a");
}

TEST(PublisherTest, CloseSendsWhatWaitsAndEndsPublishing) {
  Listener bridge;
  Publisher publisher(bridge.endpoint());
  ASSERT_TRUE(meet(publisher, {&bridge}));
  publisher.publish("a", "last");

  EXPECT_TRUE(publisher.close(deadline));
  EXPECT_EQ(publisher.publish("a", "late"), Outcome::closed);
  EXPECT_FALSE(publisher.wait_ready(0ms));
  EXPECT_TRUE(publisher.close(deadline));
  EXPECT_EQ(bridge.receive().value()[1], "last");
}

TEST(PublisherTest, CloseSaysWhenSomethingCouldNotLeave) {
  auto bridge = std::make_unique<Listener>();
  const std::string endpoint = bridge->endpoint();
  Publisher publisher(endpoint);
  ASSERT_TRUE(meet(publisher, {bridge.get()}));
  bridge.reset();
  ASSERT_TRUE(is_cut_off_from(endpoint));
  publisher.publish("a", "1");

  EXPECT_FALSE(publisher.close(50ms));
}

TEST(PublisherTest, WithFittingCurveKeysEventsArrive) {
  const CurvePair keys = CurvePair::make();
  const CurvePair own = CurvePair::make();
  Listener::Options secured;
  secured.curve_secret_key = keys.secret_key;
  Listener bridge(secured);
  PublisherOptions options;
  options.curve_server_key = keys.public_key;
  options.curve_secret_key = own.secret_key;
  Publisher publisher(bridge.endpoint(), options);
  ASSERT_TRUE(meet(publisher, {&bridge}));

  publisher.publish("a", "1");
  EXPECT_EQ(bridge.receive().value()[0], "a");
}

TEST(PublisherTest, AWrongServerKeyIsRefusedAndSaidSo) {
  Listener::Options secured;
  secured.curve_secret_key = CurvePair::make().secret_key;
  Listener bridge(secured);
  PublisherOptions options;
  options.curve_server_key = CurvePair::make().public_key;
  options.early_seconds = 0ms;
  Publisher publisher(bridge.endpoint(), options);

  while (!publisher.refused()) ASSERT_FALSE(publisher.wait_ready(1ms));
  EXPECT_EQ(publisher.publish("a", "1"), Outcome::no_bridge);
}

TEST(PublisherTest, APublisherThatWasRefusedComesBackToABridgeThatTakesIt) {
  Listener::Options secured;
  secured.curve_secret_key = CurvePair::make().secret_key;
  auto strict = std::make_unique<Listener>(secured);
  Publisher publisher(strict->endpoint());
  while (!publisher.refused()) ASSERT_FALSE(publisher.wait_ready(1ms));

  Listener::Options open;
  open.bind = strict->endpoint();
  strict.reset();
  Listener bridge(open);
  ASSERT_TRUE(bridge.bound());

  EXPECT_TRUE(meet(publisher, {&bridge}));
  EXPECT_FALSE(publisher.refused());
}

TEST(PublisherTest, WhatCannotBeMadeIsNamed) {
  const auto reason = [](const std::vector<std::string>& endpoints,
                         const PublisherOptions& options) {
    try {
      Publisher publisher(endpoints, options);
    } catch (const PublisherError& error) {
      return std::string(error.what());
    }
    return std::string("made");
  };
  const std::string good = "tcp://127.0.0.1:1";
  EXPECT_THAT(reason({}, {}), testing::HasSubstr("at least one endpoint"));
  EXPECT_THAT(reason({"localhost:5556"}, {}), testing::HasSubstr("'localhost:5556' is not"));

  PublisherOptions no_queue;
  no_queue.queue_events = 0;
  EXPECT_THAT(reason({good}, no_queue), testing::HasSubstr("queue_events"));
  PublisherOptions waits_for_ever;
  waits_for_ever.full_wait = std::chrono::milliseconds(-1);
  EXPECT_THAT(reason({good}, waits_for_ever), testing::HasSubstr("full_wait"));
  PublisherOptions lingers_for_ever;  // as -1 would mean in ZeroMQ
  lingers_for_ever.linger = std::chrono::milliseconds(-1);
  EXPECT_THAT(reason({good}, lingers_for_ever), testing::HasSubstr("linger"));
  PublisherOptions early_for_ever;
  early_for_ever.early_seconds = std::chrono::milliseconds(-1);
  EXPECT_THAT(reason({good}, early_for_ever), testing::HasSubstr("early_seconds"));

  Listener taken;
  PublisherOptions bind;
  bind.bind = true;
  EXPECT_THAT(reason({taken.endpoint()}, bind),
              testing::HasSubstr("cannot bind " + taken.endpoint()));

  PublisherOptions keys;
  keys.curve_secret_key = "not a key";
  EXPECT_THAT(reason({good}, keys), testing::HasSubstr("needs curve_server_key"));
  keys.curve_server_key = CurvePair::make().public_key;
  EXPECT_THAT(reason({good}, keys), testing::HasSubstr("curve_secret_key must be 40"));
  EXPECT_THAT(reason({good}, keys), testing::Not(testing::HasSubstr("not a key")));
  keys = {};
  keys.curve_server_key = "short";
  EXPECT_THAT(reason({good}, keys), testing::HasSubstr("curve_server_key must be 40"));
}

}  // namespace
}  // namespace zws
