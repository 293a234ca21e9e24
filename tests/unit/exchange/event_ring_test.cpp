#include "exchange/event_ring.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "support/short_memory.hpp"
#include "unit/exchange/stage.hpp"

namespace zws {
namespace {

using testing::ElementsAre;

class EventRingTest : public testing::Test {
 protected:
  void push(std::uint64_t arrival, std::size_t size_max = 100) {
    ring.push(make_event({"t", "a", arrival}, SteadyTime{}), arrival, size_max);
  }
  std::vector<std::uint64_t> arrivals() const {
    std::vector<std::uint64_t> found;
    ring.oldest_first([&](const Retained& each) {
      EXPECT_EQ(each.event->seq(), each.arrival);
      found.push_back(each.arrival);
      return true;
    });
    std::vector<std::uint64_t> backwards;
    ring.newest_first([&](const Retained& each) {
      backwards.push_back(each.arrival);
      return true;
    });
    EXPECT_TRUE(std::equal(found.rbegin(), found.rend(), backwards.begin(), backwards.end()));
    EXPECT_EQ(ring.size(), found.size());
    return found;
  }

  EventRing ring;
};

TEST_F(EventRingTest, WhatIsPushedComesOutInOrder) {
  for (std::uint64_t i = 1; i <= 3; ++i) push(i);
  EXPECT_EQ(ring.pop_front()->seq(), 1u);
  EXPECT_THAT(arrivals(), ElementsAre(2, 3));
  EXPECT_EQ(ring.front().arrival, 2u);
  EXPECT_EQ(ring.back().arrival, 3u);
}

TEST_F(EventRingTest, AFullRingGoesRoundWithoutGrowing) {
  for (std::uint64_t i = 1; i <= 3; ++i) push(i, 3);
  const std::size_t bytes = ring.bytes();
  for (std::uint64_t i = 4; i <= 1000; ++i) {
    ring.pop_front();
    push(i, 3);
  }
  EXPECT_THAT(arrivals(), ElementsAre(998, 999, 1000));
  EXPECT_EQ(ring.bytes(), bytes);
}

TEST_F(EventRingTest, TheBlockIsNeverLargerThanItsRule) {
  for (std::uint64_t i = 1; i <= 100; ++i) push(i, 100);
  EXPECT_LE(ring.bytes(), 100 * sizeof(Retained) + 32);
}

TEST_F(EventRingTest, AnEventLeavesFromAnywhere) {
  for (std::uint64_t i = 1; i <= 5; ++i) push(i);
  EXPECT_EQ(ring.erase(3)->seq(), 3u);
  EXPECT_THAT(arrivals(), ElementsAre(1, 2, 4, 5));
  ring.erase(5);
  EXPECT_EQ(ring.back().arrival, 4u);
  ring.erase(1);
  EXPECT_EQ(ring.front().arrival, 2u);
  ring.erase(2);
  EXPECT_EQ(ring.front().arrival, 4u);
}

TEST_F(EventRingTest, HolesAreFilledBeforeTheBlockGrowsWithoutEnd) {
  for (std::uint64_t i = 1; i <= 3; ++i) push(i);
  for (std::uint64_t i = 4; i <= 10'000; ++i) {  // one quiet key, and two that change all the time
    ring.erase(i - 2);
    push(i);
  }
  EXPECT_THAT(arrivals(), ElementsAre(1, 9'999, 10'000));
  EXPECT_LE(ring.bytes(), 16 * sizeof(Retained));
}

TEST_F(EventRingTest, MemoryIsGivenBack) {
  for (std::uint64_t i = 1; i <= 100; ++i) push(i);
  for (int i = 0; i < 98; ++i) ring.pop_front();
  ring.shrink();
  EXPECT_LE(ring.bytes(), 8 * sizeof(Retained));
  EXPECT_THAT(arrivals(), ElementsAre(99, 100));
  ring.pop_front();
  ring.pop_front();
  ring.shrink();
  EXPECT_EQ(ring.bytes(), 0u);
  push(101);
  EXPECT_THAT(arrivals(), ElementsAre(101));
}

TEST_F(EventRingTest, AnyMixOfTheseIsAListOfEvents) {
  std::mt19937 random(7);
  std::vector<std::uint64_t> expected;
  for (std::uint64_t i = 1; i <= 20'000; ++i) {
    if (expected.size() == 20 || (!expected.empty() && random() % 3 == 0)) {
      const std::size_t at = random() % 2 == 0 ? 0 : random() % expected.size();
      at == 0 ? (void)ring.pop_front() : (void)ring.erase(expected[at]);
      expected.erase(expected.begin() + static_cast<long>(at));
      if (random() % 16 == 0) ring.shrink();
    }
    push(i, 21);
    expected.push_back(i);
    ASSERT_EQ(arrivals(), expected);
  }
}

TEST_F(EventRingTest, WhatCannotBePutFirstLeavesTheRest) {
  for (std::uint64_t i = 4; i <= 6; ++i) push(i);
  const std::vector<Retained> first{{make_event({"t", "a", 2}, SteadyTime{}), 2}};
  {
    const ShortMemory memory(0);
    EXPECT_THROW(ring.put_first(first, 100), std::bad_alloc);
  }
  EXPECT_THAT(arrivals(), ElementsAre(4, 5, 6));
  ring.put_first(first, 100);
  EXPECT_THAT(arrivals(), ElementsAre(2, 4, 5, 6));
}

}  // namespace
}  // namespace zws
