// Values as people type them: times, URLs, ids to begin after.
#include <gmock/gmock.h>

#include <functional>

#include "duration.hpp"
#include "failure.hpp"
#include "since.hpp"
#include "url.hpp"

namespace zws::tool {
namespace {

using namespace std::chrono_literals;

// The Failure's line; its exit code must be `usage`.
std::string refusal(const std::function<void()>& parse) {
  try {
    parse();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.exit(), Exit::usage);
    return failure.what();
  }
  return "taken";
}

TEST(DurationTest, NumbersAreSecondsAndUnitsAreUnderstood) {
  EXPECT_EQ(parse_duration("--ttl", "2"), 2s);
  EXPECT_EQ(parse_duration("--ttl", "0.25"), 250ms);
  EXPECT_EQ(parse_duration("--ttl", "250ms"), 250ms);
  EXPECT_EQ(parse_duration("--ttl", "1.5m"), 90s);
  EXPECT_EQ(parse_duration("--ttl", "1h"), 1h);
  EXPECT_EQ(parse_duration("--ttl", "2d"), 48h);
  EXPECT_EQ(parse_duration("--wait", "0", 0ms), 0ms);
}

TEST(DurationTest, OtherTextIsRefusedAndTheOptionNamed) {
  for (const char* text : {"", "s", "1 h", "1w", "-1", "0", "nan", "inf", "1e3", "1h30m", "99999d"})
    EXPECT_THAT(refusal([&] { parse_duration("--ttl", text); }),
                testing::HasSubstr("--ttl must be"))
        << text;
}

TEST(UrlTest, PartsAreToldApart) {
  const Url url = Url::parse("wss://bridge.example/live/ws");
  EXPECT_TRUE(url.tls);
  EXPECT_EQ(url.host, "bridge.example");
  EXPECT_EQ(url.port, "443");
  EXPECT_EQ(url.path, "/live/ws");
  for (const char* text : {"http://localhost", "http://localhost/", "ws://localhost"})
    EXPECT_EQ(Url::parse(text).websocket(), "ws://localhost:80/api/ws") << text;
  EXPECT_EQ(Url::parse("ws://localhost/").path, "/");
  EXPECT_EQ(Url::parse("ws://[::1]:8000/api/ws?x=1").websocket(), "ws://[::1]:8000/api/ws?x=1");
  EXPECT_EQ(Url::parse("ws://a:1?x").path, "/?x");
}

TEST(UrlTest, LoopbackIsKnown) {
  for (const char* text : {"ws://127.0.0.1:1", "ws://localhost", "ws://[::1]:9", "ws://127.1.2.3"})
    EXPECT_TRUE(Url::parse(text).is_loopback()) << text;
  for (const char* text :
       {"ws://bridge.example", "ws://127.evil.example", "ws://127.0.0.1.evil.example"})
    EXPECT_FALSE(Url::parse(text).is_loopback()) << text << " would be given this machine's token";
}

TEST(UrlTest, OtherTextIsRefused) {
  for (const char* text : {"", "127.0.0.1:8000", "ftp://a", "ws://", "ws://:80",
                           "ws://a:", "ws://a:x", "ws://a:65536", "ws://a b", "ws://[::1",
                           "ws://[::1]x", "ws://u@a", "ws://a/b c", "ws://a/b#c", "ws://a\r\n"})
    EXPECT_THAT(refusal([&] { Url::parse(text); }), testing::HasSubstr("is not a URL")) << text;
}

TEST(SinceTest, OnOneTopicAnIdStandsAlone) {
  const Since since({"orders"}, {"abc:17", "def:2"});
  EXPECT_EQ(since.json_for("orders"), R"(["abc:17","def:2"])");
  EXPECT_EQ(since.json_for("other"), "");
}

TEST(SinceTest, APatternGetsItsTopics) {
  const Since since({"import:*", "orders"}, {"import:1=abc:1", "import:2=abc:9", "orders=x:0"});
  EXPECT_EQ(since.json_for("import:*"), R"({"import:1":["abc:1"],"import:2":["abc:9"]})");
  EXPECT_EQ(since.json_for("orders"), R"(["x:0"])");
}

TEST(SinceTest, WhatFitsNoTopicIsRefused) {
  const auto refused = [](std::vector<std::string> topics, std::vector<std::string> given) {
    return refusal([&] { Since(topics, given); });
  };
  EXPECT_THAT(refused({"a"}, {"17"}), testing::HasSubstr("wants an id"));
  EXPECT_THAT(refused({"a"}, {"abc:-1"}), testing::HasSubstr("wants an id"));
  EXPECT_THAT(refused({"a", "b"}, {"abc:1"}), testing::HasSubstr("TOPIC=abc:1"));
  EXPECT_THAT(refused({"a*"}, {"abc:1"}), testing::HasSubstr("TOPIC=abc:1"));
  EXPECT_THAT(refused({"a"}, {"b=abc:1"}), testing::HasSubstr("not listened to"));
}

}  // namespace
}  // namespace zws::tool
