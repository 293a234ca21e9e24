#include "held.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <string>

namespace zws {
namespace {

struct Topic {
  Trail trail;
  std::uint64_t newest = 0;
};

// What an event holds is told by its number.
std::string payload_of(std::uint64_t seq, std::size_t size) {
  std::string payload = std::to_string(seq) + ":";
  payload.resize(std::max(size, payload.size()), 'x');
  return payload;
}

void keep(Held& held, Topic& topic, std::size_t size = 0, std::string_view key = {}) {
  ++topic.newest;
  held.keep(topic.trail, topic.newest, static_cast<std::int64_t>(topic.newest), key,
            payload_of(topic.newest, size));
}

bool has(const Held& held, const Topic& topic, std::uint64_t seq) {
  const auto event = held.find(topic.trail, topic.newest, seq);
  return event && event->ts == static_cast<std::int64_t>(seq) &&
         event->payload.substr(0, event->payload.find(':')) == std::to_string(seq);
}

TEST(HeldTest, AnEventIsFoundAsItWasKept) {
  Held held(1024);
  Topic topic;
  held.keep(topic.trail, ++topic.newest, 17, "key", "payload");
  const auto event = held.find(topic.trail, 1, 1);
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->ts, 17);
  EXPECT_EQ(event->key, "key");
  EXPECT_EQ(event->payload, "payload");
  EXPECT_FALSE(held.find(topic.trail, 1, 0));
  EXPECT_FALSE(held.find(topic.trail, 1, 2));
}

TEST(HeldTest, OfWhatWasNeverKeptThereIsNothing) {
  const Held held(1024);
  EXPECT_FALSE(held.find({}, 0, 0));
  EXPECT_FALSE(held.find({}, 5, 5));
  EXPECT_EQ(held.first({}, 5), 6u);
}

// Whatever the sizes: what is held are the newest of all, and nearly as many as there is room for.
TEST(HeldTest, TheOldestEventOfAllGoesFirst) {
  constexpr std::size_t bytes = 20'000, size_max = 500, own = 48;
  Held held(bytes);
  std::map<int, Topic> topics;
  struct Kept {
    int topic;
    std::uint64_t seq;
    std::size_t size;
  };
  std::deque<Kept> all;
  std::mt19937 random(7);
  for (int i = 0; i < 5000; ++i) {
    const int number = static_cast<int>(random() % 3 * (random() % 3));
    Topic& topic = topics[number];
    const std::size_t size = random() % size_max;
    keep(held, topic, size);
    all.push_back({number, topic.newest, payload_of(topic.newest, size).size() + own});

    std::size_t together = 0;
    auto oldest = all.rbegin();
    for (; oldest != all.rend() && has(held, topics[oldest->topic], oldest->seq); ++oldest)
      together += oldest->size;
    ASSERT_LE(together, bytes + own * all.size());
    if (oldest == all.rend()) continue;
    ASSERT_GE(together, bytes - 2 * (size_max + own)) << i;
    for (auto gone = oldest; gone != all.rend(); ++gone)
      ASSERT_FALSE(has(held, topics[gone->topic], gone->seq)) << i;
    all.erase(all.begin(), oldest.base() - 1);
    for (const auto& [name, one] : topics) {
      const std::uint64_t first = held.first(one.trail, one.newest);
      ASSERT_FALSE(has(held, one, first - 1));
      ASSERT_EQ(has(held, one, first), first <= one.newest);
    }
  }
}

TEST(HeldTest, AnyOfManyIsFound) {
  Held held(8 * 1024 * 1024);
  Topic topic;
  for (int i = 0; i < 200'000; ++i) keep(held, topic, 40);
  const std::uint64_t first = held.first(topic.trail, topic.newest);
  EXPECT_GT(first, 1u);
  EXPECT_LT(first, 120'000u);
  for (std::uint64_t seq = first; seq <= topic.newest; ++seq) ASSERT_TRUE(has(held, topic, seq));
  EXPECT_FALSE(has(held, topic, first - 1));
}

TEST(HeldTest, AnEventLargerThanAllEndsWhatItsTopicHadAndNothingElse) {
  Held held(1000);
  Topic topic, other;
  keep(held, other);
  for (int i = 0; i < 3; ++i) keep(held, topic);
  keep(held, topic, 2000);
  EXPECT_EQ(held.first(topic.trail, topic.newest), 5u);
  keep(held, topic);
  EXPECT_EQ(held.first(topic.trail, topic.newest), 5u);
  EXPECT_TRUE(has(held, topic, 5));
  EXPECT_FALSE(has(held, topic, 4));
  EXPECT_FALSE(has(held, topic, 3));
  EXPECT_TRUE(has(held, other, 1));
}

TEST(HeldTest, WithoutRoomNothingIsHeld) {
  Held held(0);
  Topic topic;
  keep(held, topic);
  EXPECT_FALSE(has(held, topic, 1));
  EXPECT_EQ(held.first(topic.trail, 1), 2u);
}

}  // namespace
}  // namespace zws
