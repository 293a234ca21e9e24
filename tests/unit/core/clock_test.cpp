// Times as text.
#include "core/clock.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace zws {
namespace {

TEST(ClockTest, TimeIsRfc3339InUtcWithMilliseconds) {
  EXPECT_EQ(rfc3339_ns(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339_ns(1'000'000'000'123'999'999), "2001-09-09T01:46:40.123Z");
  EXPECT_EQ(rfc3339_ns(1'709'164'800'000'000'000), "2024-02-29T00:00:00.000Z");
  EXPECT_EQ(rfc3339(WallTime{} + std::chrono::milliseconds(1500)), "1970-01-01T00:00:01.500Z");
}

TEST(ClockTest, FractionsAreCutNotRounded) {
  EXPECT_EQ(rfc3339_ns(999'999'999), "1970-01-01T00:00:00.999Z");
}

TEST(ClockTest, TimesBefore1970CountDownwards) {
  EXPECT_EQ(rfc3339_ns(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(rfc3339_ns(-1'000'000'000), "1969-12-31T23:59:59.000Z");
}

TEST(ClockTest, ExtremesAreStillTimes) {
  EXPECT_EQ(rfc3339_ns(std::numeric_limits<std::int64_t>::max()), "2262-04-11T23:47:16.854Z");
  EXPECT_EQ(rfc3339_ns(std::numeric_limits<std::int64_t>::min()), "1677-09-21T00:12:43.145Z");
}

TEST(ClockTest, RealClockIsTheMachines) {
  const SteadyTime before = std::chrono::steady_clock::now();
  const SteadyTime read = Clock::real().steady();
  EXPECT_LE(before, read);
  EXPECT_LE(read, std::chrono::steady_clock::now());
}

}  // namespace
}  // namespace zws
