// An event keeps what it was made from, in memory of its own.
#include "core/event.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace zws {
namespace {

Event::Fields fields() {
  Event::Fields fields;
  fields.topic = "import:task-1";
  fields.topic_hash = 42;
  fields.source = "src";
  fields.seq = 7;
  fields.last_seq = 7;
  return fields;
}

TEST(EventTest, KeepsItsFields) {
  Event::Fields given = fields();
  given.key = "row-5";
  given.overflow = Overflow::conflate;
  given.raw = true;
  given.restart = true;
  given.received = SteadyTime{std::chrono::seconds(3)};
  const EventPtr made = Event::make(given, {"he", "", "ad", "payload"});
  const Event& event = *made;
  EXPECT_EQ(event.kind(), Event::Kind::message);
  EXPECT_FALSE(event.is_gap());
  EXPECT_EQ(event.topic(), "import:task-1");
  EXPECT_EQ(event.topic_hash(), 42u);
  EXPECT_EQ(event.source(), "src");
  EXPECT_EQ(event.seq(), 7u);
  EXPECT_EQ(event.last_seq(), 7u);
  EXPECT_EQ(event.key(), "row-5");
  EXPECT_EQ(event.frame(), "headpayload");
  EXPECT_EQ(event.overflow(), Overflow::conflate);
  EXPECT_TRUE(event.raw());
  EXPECT_TRUE(event.restart());
  EXPECT_EQ(event.received(), SteadyTime{std::chrono::seconds(3)});
}

TEST(EventTest, WithoutAKeyTheTopicIsTheKey) {
  EXPECT_EQ(Event::make(fields(), {"frame"})->key(), "import:task-1");
}

TEST(EventTest, OwnsItsText) {
  std::string topic = "a-topic-long-enough-to-be-on-the-heap", frame = "the frame";
  Event::Fields given = fields();
  given.topic = topic;
  const EventPtr made = Event::make(given, {frame});
  const Event& event = *made;
  topic.assign(topic.size(), '?');
  frame.assign(frame.size(), '?');
  EXPECT_EQ(event.topic(), "a-topic-long-enough-to-be-on-the-heap");
  EXPECT_EQ(event.frame(), "the frame");
}

TEST(EventTest, LongestNamesFit) {
  const std::string topic(255, 't'), source(64, 's'), key(255, 'k');
  Event::Fields given = fields();
  given.topic = topic;
  given.source = source;
  given.key = key;
  const EventPtr made = Event::make(given, {"f"});
  const Event& event = *made;
  EXPECT_EQ(event.topic(), topic);
  EXPECT_EQ(event.source(), source);
  EXPECT_EQ(event.key(), key);
  EXPECT_EQ(event.frame(), "f");
}

TEST(EventTest, GapSaysWhatIsMissing) {
  Event::Fields given = fields();
  given.kind = Event::Kind::gap;
  given.last_seq = 9;
  const EventPtr made = Event::make(given, {"gap"});
  const Event& event = *made;
  EXPECT_TRUE(event.is_gap());
  EXPECT_EQ(event.seq(), 7u);
  EXPECT_EQ(event.last_seq(), 9u);
}

TEST(EventTest, MemoryCountsAllOfItsText) {
  const std::string payload(100'000, 'x');
  EXPECT_GE(Event::make(fields(), {payload})->memory_bytes(), payload.size() + sizeof(Event));
  EXPECT_LE(Event::make(fields(), {payload})->memory_bytes(),
            payload.size() + sizeof(Event) + 1000);
}

TEST(EventTest, LivesAsLongAsSomebodyHoldsIt) {
  EventPtr first = Event::make(fields(), {"frame"});
  EventPtr second = first;
  EXPECT_EQ(first, second);
  EventPtr third = std::move(first);
  EXPECT_FALSE(first);
  EXPECT_EQ(third.get(), second.get());
  second = nullptr;
  EXPECT_EQ(third->frame(), "frame");
  third = Event::make(fields(), {"another"});
  EXPECT_EQ(third->frame(), "another");
}

TEST(EventTest, ThreadsShareIt) {
  const EventPtr event = Event::make(fields(), {"frame"});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([mine = event] {
      for (int round = 0; round < 1000; ++round) {
        const EventPtr copy = mine;
        EXPECT_EQ(copy->frame(), "frame");
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(event->frame(), "frame");
}

}  // namespace
}  // namespace zws
