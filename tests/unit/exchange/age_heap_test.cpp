#include "exchange/age_heap.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "exchange/kept_topic.hpp"
#include "unit/exchange/stage.hpp"

namespace zws {
namespace {

class AgeHeapTest : public testing::Test {
 protected:
  AgeHeapTest() {
    for (int i = 0; i < 300; ++i) topics.push_back(std::make_unique<KeptTopic>());
  }

  void record(KeptTopic& topic) {
    const std::uint64_t arrival = ++arrivals;
    topic.history.record(make_event({"t", "a", arrival}, SteadyTime{}), arrival, rule, 1, true,
                         discarded);
    if (topic.age_place == AgeHeap::nowhere) heap.add(topic);
  }
  void drop_oldest(KeptTopic& topic) {
    topic.history.drop_oldest();
    if (topic.history.empty()) heap.remove(topic);
  }
  KeptTopic& any() { return *topics[random() % topics.size()]; }

  // The oldest event of all, by looking at each.
  std::uint64_t oldest() const {
    std::uint64_t least = ~std::uint64_t{0};
    for (const auto& topic : topics)
      if (!topic->history.empty()) least = std::min(least, topic->history.oldest().arrival);
    return least;
  }

  Discarded discarded;
  const Retention rule{2, Duration(1000), false};
  std::vector<std::unique_ptr<KeptTopic>> topics;
  AgeHeap heap;
  std::mt19937 random{11};
  std::uint64_t arrivals = 0;
};

TEST_F(AgeHeapTest, TheTopicWithTheOldestEventIsFoundWhateverHappened) {
  for (int step = 0; step < 30'000; ++step) {
    const auto dice = random() % 10;
    KeptTopic& topic = dice < 8 || heap.empty() ? any() : heap.oldest();
    if (dice < 5)
      record(topic);
    else if (!topic.history.empty())
      drop_oldest(topic);
    if (heap.empty()) continue;
    KeptTopic* found = &heap.oldest();
    while (!heap.exact()) found = &heap.oldest();
    ASSERT_EQ(found->history.oldest().arrival, oldest());
  }
}

TEST_F(AgeHeapTest, AQuietTimeIsPaidForInPieces) {
  KeptTopic& quiet = *topics[0];
  for (auto& topic : topics) record(*topic);
  for (int round = 0; round < 5; ++round)
    for (auto& topic : topics)
      if (topic.get() != &quiet) record(*topic);
  EXPECT_EQ(&heap.oldest(), &quiet);
  EXPECT_TRUE(heap.exact());
  drop_oldest(quiet);  // all others have moved on unseen
  int pieces = 1;
  for (heap.oldest(); !heap.exact(); heap.oldest()) ++pieces;
  EXPECT_GT(pieces, 1);
  EXPECT_EQ(heap.oldest().history.oldest().arrival, oldest());
}

TEST_F(AgeHeapTest, TopicsLeaveFromAnywhere) {
  for (auto& topic : topics) record(*topic);
  std::shuffle(topics.begin(), topics.end(), random);
  for (auto& topic : topics) {
    ASSERT_EQ(heap.oldest().history.oldest().arrival, oldest());
    while (!topic->history.empty()) drop_oldest(*topic);
    EXPECT_EQ(topic->age_place, AgeHeap::nowhere);
  }
  EXPECT_TRUE(heap.empty());
}

}  // namespace
}  // namespace zws
