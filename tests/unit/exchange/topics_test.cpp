#include "exchange/topics.hpp"

#include <gtest/gtest.h>

#include <string>

#include "core/topic.hpp"

namespace zws {
namespace {

class TopicsTest : public testing::Test {
 protected:
  Topic* find(std::string_view name) { return topics_.find(name, topic_hash(name)); }
  TopicSources& add_sources(std::string_view name) {
    return topics_.add_sources(name, topic_hash(name));
  }
  KeptTopic& add_kept(std::string_view name) { return topics_.add_kept(name, topic_hash(name)); }
  void pin(std::string_view name, std::size_t lane = 0) {
    topics_.pin(name, topic_hash(name), now_, lane);
  }
  void unpin(std::string_view name, std::size_t lane = 0) {
    topics_.unpin(name, topic_hash(name), lane);
  }

  SteadyTime now_{std::chrono::hours(1)};
  Topics topics_;
};

TEST_F(TopicsTest, OneRecordHasAllThatIsKnownOfATopic) {
  pin("a");
  Topic& topic = *find("a");
  EXPECT_EQ(topic.name(), "a");
  EXPECT_EQ(add_sources("a").record, &topic);
  EXPECT_EQ(add_kept("a").record, &topic);
  EXPECT_EQ(find("a"), &topic);
  EXPECT_EQ(find("b"), nullptr);
}

TEST_F(TopicsTest, ARecordGoesWithTheLastThatKnowsSomething) {
  pin("a");
  add_sources("a");
  add_kept("a");
  unpin("a");
  topics_.drop_kept(*find("a"));
  ASSERT_NE(find("a"), nullptr);
  EXPECT_EQ(find("a")->kept, nullptr);
  topics_.drop_sources(*find("a"));
  EXPECT_EQ(find("a"), nullptr);
}

TEST_F(TopicsTest, WhoIsExpectedAndGoesIsNotFoundAgain) {
  add_sources("a");
  topics_.expect(find("a"));
  topics_.drop_sources(*find("a"));
  EXPECT_EQ(find("a"), nullptr);
}

TEST_F(TopicsTest, ATopicIsHeldWithoutABreakFromItsFirstPin) {
  const SteadyTime first = now_;
  add_sources("a");  // so that it is there between
  pin("a", 1);
  now_ += std::chrono::seconds(1);
  pin("a", 2);
  unpin("a", 1);
  EXPECT_TRUE(find("a")->held_since(first));
  EXPECT_FALSE(find("a")->held_since(first - std::chrono::nanoseconds(1)));
  unpin("a", 2);
  pin("a", 2);
  EXPECT_FALSE(find("a")->held_since(first));
  EXPECT_TRUE(find("a")->held_since(now_));
}

TEST_F(TopicsTest, ItsLanesAreThoseThatHoldIt) {
  for (const std::size_t lane : {0, 5, 63, 64}) pin("a", lane);
  EXPECT_EQ(find("a")->lanes, lane_bit(0) | lane_bit(5) | lane_bit(63));
  unpin("a", 5);
  unpin("a", 63);  // which shares its bit with lane 64
  EXPECT_EQ(find("a")->lanes, lane_bit(0) | lane_bit(63));
  add_sources("a");
  unpin("a", 0);
  unpin("a", 64);
  EXPECT_EQ(find("a")->lanes, 0U);
  unpin("a", 0);  // it has none any more
  EXPECT_FALSE(find("a")->held());
}

TEST_F(TopicsTest, ARecordCountsOnceAndWhereSomethingIsKnown) {
  pin("held only");
  EXPECT_EQ(topics_.bytes_of_sources() + topics_.bytes_of_history(), 0U);
  add_kept("a");
  const std::size_t one = topics_.bytes_of_history();
  EXPECT_GT(one, 0U);
  add_sources("a");
  EXPECT_EQ(topics_.bytes_of_history(), 0U);
  EXPECT_EQ(topics_.bytes_of_sources(), one);
  pin("a");
  EXPECT_EQ(topics_.bytes_of_sources(), one);
  topics_.drop_sources(*find("a"));
  EXPECT_EQ(topics_.bytes_of_sources(), 0U);
  EXPECT_EQ(topics_.bytes_of_history(), one);
  topics_.drop_kept(*find("a"));
  EXPECT_EQ(topics_.bytes_of_history(), 0U);
}

TEST_F(TopicsTest, WhatIsLeftOfManyIsFoundInASmallerTable) {
  for (int i = 0; i < 10'000; ++i) add_kept("a" + std::to_string(i));
  for (int i = 0; i < 9'999; ++i) topics_.drop_kept(*find("a" + std::to_string(i)));
  for (int i = 0; i < 16; ++i) topics_.shrink();
  topics_.shrink_all();
  EXPECT_EQ(find("a1"), nullptr);
  EXPECT_NE(find("a9999"), nullptr);
}

}  // namespace
}  // namespace zws
