// Tally: what is missing, doubled or out of order is found, and counted exactly.
#include "bench/tally.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

namespace zws::tool {
namespace {

struct TallyTest : testing::Test {
  void receive(std::initializer_list<std::uint32_t> numbers) {
    for (const std::uint32_t number : numbers) tally.event(follower, number, 1000, 200);
  }

  Tally tally;
  Follower follower;
};

TEST_F(TallyTest, AllInOrderIsWhole) {
  receive({0, 1, 2, 3});
  tally.end(follower, 4);
  EXPECT_EQ(tally.delivered, 4U);
  EXPECT_EQ(tally.bytes, 800U);
  EXPECT_EQ(tally.missing + tally.doubled + tally.out_of_order, 0U);
  EXPECT_EQ(tally.latency.count(), 4U);
}

TEST_F(TallyTest, SkippedNumbersAreMissing) {
  receive({0, 3, 4, 200});
  EXPECT_EQ(tally.missing, 2U + 195U);
  EXPECT_EQ(tally.doubled + tally.out_of_order, 0U);
}

TEST_F(TallyTest, WhatNeverCameByTheEndIsMissing) {
  receive({0, 1});
  tally.end(follower, 5);
  EXPECT_EQ(tally.missing, 3U);
  tally.end(follower, 5);
  EXPECT_EQ(tally.missing, 3U);
}

TEST_F(TallyTest, OnlyTheLastOneIsMissing) {
  receive({0, 1});
  tally.end(follower, 3);
  EXPECT_EQ(tally.missing, 1U);
}

TEST_F(TallyTest, ARepeatIsDoubledHoweverOften) {
  receive({0, 1, 1, 1, 2, 0});
  EXPECT_EQ(tally.doubled, 3U);
  EXPECT_EQ(tally.missing + tally.out_of_order, 0U);
}

TEST_F(TallyTest, ALateOneIsOutOfOrderAndNotMissing) {
  receive({0, 2, 1, 3});
  EXPECT_EQ(tally.out_of_order, 1U);
  EXPECT_EQ(tally.missing + tally.doubled, 0U);
  receive({1});
  EXPECT_EQ(tally.doubled, 1U);
}

TEST_F(TallyTest, ReplayedEventsHaveNoLatency) {
  follower.replaying = 2;
  receive({0, 1, 2});
  EXPECT_EQ(tally.replayed, 2U);
  EXPECT_EQ(tally.latency.count(), 1U);
}

}  // namespace
}  // namespace zws::tool
