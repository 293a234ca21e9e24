#include "relay/kept_event.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/topic.hpp"
#include "exchange/frame.hpp"
#include "unit/relay/redis_answers.hpp"

namespace zws {
namespace {

using testing::ElementsAre;

// An entry as XREVRANGE answers it.
Reply entry(const std::string& id, const std::vector<std::string>& fields) {
  return reply(array({bulk(id), texts(fields)}));
}

class KeptEventTest : public testing::Test {
 protected:
  EventPtr publish(std::string_view payload, std::string_view key = {}) {
    Arrival arrival;
    arrival.topic = topic;
    arrival.payload = payload;
    arrival.key = key;
    Event::Fields fields;
    fields.topic = topic;
    fields.topic_hash = topic_hash(topic);
    fields.source = "src-1";
    fields.seq = 7;
    return renderer.render(arrival, fields, route, 1'000'000'000);
  }

  // Kept and read again.
  EventPtr through_redis(const EventPtr& event, const Route& readers_route) {
    const std::vector<std::string> words = keep_command(keys, *event, route, 1'700'000'000'000);
    const Reply read = entry(words[5], {words.begin() + 6, words.end()});
    return make(*read, readers_route);
  }

  EventPtr make(const redisReply& read, const Route& readers_route) {
    const auto kept = read_entry(read);
    return kept ? reader.make(*kept, topic, "src-1", readers_route, SteadyTime{}) : nullptr;
  }

  // Whether an entry 0-7 with this frame becomes an event.
  bool is_taken(const std::string& frame) {
    return bool(make(*entry("0-7", {"f", frame, "t", "1700000000000"}), route));
  }

  std::string topic = "wallet:1";
  Route route{EventFormat::automatic, 100, Duration(300'000), 0, Overflow::drop_oldest, "", "", {}};
  KeptKeys keys{"zws:"};
  Renderer renderer;
  KeptEventReader reader;
};

TEST_F(KeptEventTest, AnEventIsTheSameAgain) {
  const std::string long_text(70'000, 'x');
  for (const std::string& payload :
       {std::string(R"({"type":"x","n":1})"), std::string(R"({"type":"x","topic":"wallet:1"})"),
        std::string(R"({"type":"x","topic":"another"} )"),
        std::string(R"({"type":"x","@topic":"z"})"), std::string(R"({"type":"x","@id":"other:1"})"),
        std::string(R"({"a":[1,{"b":2}]})"), std::string("[1,2]"), std::string("text"),
        std::string("\xff\0", 2), std::string(), std::string(R"({"type":"x"})") + "\n",
        long_text}) {
    const EventPtr event = publish(payload);
    const EventPtr again = through_redis(event, route);
    ASSERT_TRUE(again) << payload.substr(0, 40);
    EXPECT_EQ(again->frame(), event->frame());
    EXPECT_EQ(again->topic(), event->topic());
    EXPECT_EQ(again->source(), event->source());
    EXPECT_EQ(again->seq(), event->seq());
    EXPECT_EQ(again->key(), event->key());
  }
}

TEST_F(KeptEventTest, ATopicWithEveryKindOfSignIsTheSameAgain) {
  topic = "a\"b\\c/{x}:\xe6\xb8\xa9";
  EXPECT_TRUE(through_redis(publish(R"({"type":"x"})"), route));
  EXPECT_TRUE(through_redis(publish(R"({"type":"x","topic":"b"})"), route));
}

TEST_F(KeptEventTest, AConflatedEventKeepsItsKeyForARouteOfItsKind) {
  route.overflow = Overflow::conflate;
  route.key = "k";
  const EventPtr event = publish(R"({"type":"x","k":"one"})");
  ASSERT_EQ(event->key(), "one");
  const EventPtr again = through_redis(event, route);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->key(), "one");
  EXPECT_EQ(again->overflow(), Overflow::conflate);
  Route other = route;
  other.key = "another";
  EXPECT_FALSE(through_redis(event, other));
  other.key = "";
  EXPECT_FALSE(through_redis(event, other));
  other.overflow = Overflow::drop_newest;
  EXPECT_TRUE(through_redis(event, other));
}

TEST_F(KeptEventTest, AnEventOfAPlainRouteIsOfNoKeyedOne) {
  const EventPtr event = publish(R"({"type":"x","k":"one"})");
  Route other = route;
  other.overflow = Overflow::conflate;
  EXPECT_TRUE(through_redis(event, other));
  other.key = "k";
  EXPECT_FALSE(through_redis(event, other));
}

TEST_F(KeptEventTest, ItGoesWhereItsTopicIs) {
  const auto words = keep_command(keys, *publish("1", "key"), route, 12);
  EXPECT_THAT(words, ElementsAre("XADD", keys.stream(topic, "src-1"), "MAXLEN", "~", "100", "0-7",
                                 "f", testing::_, "t", "12", "k", "key"));
  EXPECT_EQ(keys.index("t").substr(0, keys.index("t").find('}')),
            keys.stream("t", "s").substr(0, keys.stream("t", "s").find('}')));
  EXPECT_EQ(KeptKeys::partition("wallet:1"), KeptKeys::partition("wallet:1"));
  unsigned most = 0;
  for (int i = 0; i < 1'000; ++i)
    most = std::max(most, KeptKeys::partition("import:" + std::to_string(i)));
  EXPECT_EQ(most, KeptKeys::partitions - 1);
}

TEST_F(KeptEventTest, WhatIsNoMessageOfThisTopicAndNumberIsNotTaken) {
  EXPECT_TRUE(is_taken(R"({"type":"x","topic":"wallet:1","@id":"src-1:7"})"));
  for (const char* frame :
       {"", "x", "{}", R"({"type":"x","topic":"wallet:1"})",
        R"({"type":"x","topic":"wallet:1","@id":"src-1:8"})",
        R"({"type":"x","topic":"wallet:1","@id":"src-2:7"})",
        R"({"type":"x","topic":"wallet:2","@id":"src-1:7"})", R"({"type":"x","@id":"src-1:7"})",
        R"({"type":1,"topic":"wallet:1","@id":"src-1:7"})", R"(["type","x","@id":"src-1:7"})",
        R"({"type":"x","topic":"wallet:1","@id":"src-1:7"}})",
        R"({"type":"x","topic":"wallet:1","@id":"src-1:7"} x})",
        R"({"type":"x","topic":"wallet:1","@topic":"wallet:2","@id":"src-1:7"})",
        "{\"type\":\"\xff\",\"topic\":\"wallet:1\",\"@id\":\"src-1:7\"}"})
    EXPECT_FALSE(is_taken(frame)) << frame;
}

TEST_F(KeptEventTest, WhatIsNoEntryOfAStreamOfEventsIsNotRead) {
  for (const char* id :
       {"1-7", "0-0", "0-", "0-7x", "-7", "0--7", "7", "", "0-99999999999999999999"})
    EXPECT_FALSE(read_entry(*entry(id, {"f", "{}", "t", "1"}))) << id;
  EXPECT_FALSE(read_entry(*reply("*0\r\n")));
  EXPECT_FALSE(read_entry(*reply("+OK\r\n")));
  EXPECT_FALSE(read_entry(*reply("*2\r\n:1\r\n:2\r\n")));
  EXPECT_EQ(read_entry(*reply("*2\r\n$3\r\n0-7\r\n:2\r\n"))->frame, "");
  EXPECT_EQ(read_entry(*entry("0-7", {"f", "{}"}))->frame, "");
  for (const char* time : {"-1", "0", "9000000000000", "9223372036854775807"})
    EXPECT_EQ(read_entry(*entry("0-7", {"f", "{}", "t", time}))->frame, "") << time;
  EXPECT_EQ(read_entry(*entry("0-7", {"f", "{}", "t", "1", "k", std::string(256, 'k')}))->frame,
            "");
  EXPECT_EQ(read_entry(*entry("0-7", {"f"}))->seq, 7U);
}

}  // namespace
}  // namespace zws
