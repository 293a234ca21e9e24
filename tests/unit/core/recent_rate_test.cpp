// How often something happened a second, over the last ten.
#include "core/recent_rate.hpp"

#include <gtest/gtest.h>

namespace zws {
namespace {

SteadyTime at(double seconds) {
  return SteadyTime(std::chrono::duration_cast<SteadyTime::duration>(
      std::chrono::duration<double>(1000 + seconds)));
}

TEST(RecentRateTest, NothingHasNoRate) {
  EXPECT_EQ(RecentRate{}.per_second(at(0)), 0);
  EXPECT_EQ(RecentRate{}.per_second(at(5)), 0);
}

TEST(RecentRateTest, WhatComesEvenlyHasItsRateAtAnyMoment) {
  RecentRate rate;
  for (int tenth = 0; tenth < 400; ++tenth) {
    rate.note(at(tenth / 10.0), 5);
    if (tenth >= 200) {
      EXPECT_NEAR(rate.per_second(at(tenth / 10.0)), 50, 1);
    }
  }
}

TEST(RecentRateTest, ABurstFadesAndIsForgotten) {
  RecentRate rate;
  rate.note(at(0), 100);
  EXPECT_DOUBLE_EQ(rate.per_second(at(9)), 10);
  EXPECT_NEAR(rate.per_second(at(15)), 5, 0.01);
  EXPECT_EQ(rate.per_second(at(20)), 0);
  EXPECT_EQ(rate.per_second(at(1000)), 0);
  rate.note(at(1000));
  EXPECT_DOUBLE_EQ(rate.per_second(at(1000)), 0.1);
}

TEST(RecentRateTest, WhatComesLateCountsNow) {
  RecentRate rate;
  rate.note(at(10), 10);
  rate.note(at(5), 10);
  EXPECT_DOUBLE_EQ(rate.per_second(at(12)), 2);
  EXPECT_DOUBLE_EQ(rate.per_second(at(5)), 2);
}

}  // namespace
}  // namespace zws
