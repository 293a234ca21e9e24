// Histogram: every quantile within a bucket of the truth.
#include "bench/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace zws::tool {
namespace {

TEST(HistogramTest, NothingRecordedIsZero) {
  const Histogram histogram;
  EXPECT_EQ(histogram.at(0.5), 0);
  EXPECT_EQ(histogram.max(), 0);
  EXPECT_EQ(histogram.mean(), 0);
}

TEST(HistogramTest, SmallValuesAreExact) {
  Histogram histogram;
  for (int i = 1; i <= 100; ++i) histogram.record(i);
  EXPECT_EQ(histogram.at(0), 1);
  EXPECT_EQ(histogram.at(0.5), 51);
  EXPECT_EQ(histogram.at(0.99), 100);
  EXPECT_EQ(histogram.at(1), 100);
  EXPECT_DOUBLE_EQ(histogram.mean(), 50.5);
}

TEST(HistogramTest, QuantilesOfAnyScaleAreWithinAHundredth) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> exponent(0, 40);
  std::vector<std::int64_t> values(20'001);
  Histogram histogram;
  for (auto& value : values) {
    value = static_cast<std::int64_t>(std::exp2(exponent(random)));
    histogram.record(value);
  }
  std::sort(values.begin(), values.end());
  for (const double quantile : {0.0, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto place = static_cast<std::size_t>(quantile * static_cast<double>(values.size()));
    const std::int64_t truth = values[std::min(place, values.size() - 1)];
    EXPECT_GE(histogram.at(quantile), truth);
    EXPECT_LE(static_cast<double>(histogram.at(quantile)), static_cast<double>(truth) * 1.01 + 1);
  }
}

TEST(HistogramTest, ValuesOutsideAreHeldAtTheEnds) {
  Histogram histogram;
  histogram.record(-5);
  histogram.record(INT64_MAX);
  EXPECT_EQ(histogram.at(0), 0);
  EXPECT_EQ(histogram.max(), std::int64_t{1} << 42);
  EXPECT_EQ(histogram.at(1), std::int64_t{1} << 42);
}

TEST(HistogramTest, AddedHistogramsCountAsOne) {
  Histogram one;
  Histogram other;
  one.record(10);
  other.record(1000);
  one.add(other);
  EXPECT_EQ(one.count(), 2U);
  EXPECT_EQ(one.at(0), 10);
  EXPECT_EQ(one.max(), 1000);
}

}  // namespace
}  // namespace zws::tool
