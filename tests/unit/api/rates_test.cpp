// How many events and deliveries a second the totals tell.
#include "api/rates.hpp"

#include <gtest/gtest.h>

#include "unit/api/hand_clock.hpp"

namespace zws {
namespace {

using std::chrono::seconds;

class RatesTest : public testing::Test {
 protected:
  void pass_a_second(std::uint64_t events, std::uint64_t deliveries) {
    metrics_.ingest.taken.add(events);
    metrics_.lane(0).deliveries.add(deliveries);
    metrics_.lane(1).deliveries.add(deliveries);
    clock_.advance(seconds(1));
    rates_.sample();
  }

  HandClock clock_;
  Metrics metrics_{2};
  Rates rates_{metrics_, clock_};
};

TEST_F(RatesTest, EachIsItsOwnOverTheLastTenSeconds) {
  for (int second = 0; second < 30; ++second) pass_a_second(20, 300);
  EXPECT_DOUBLE_EQ(rates_.values().events_per_second, 20);
  EXPECT_DOUBLE_EQ(rates_.values().deliveries_per_second, 600) << "of all lanes";
}

TEST_F(RatesTest, ABurstIsSpreadOverThemAndThenForgotten) {
  for (int second = 0; second < 30; ++second) pass_a_second(0, 0);
  pass_a_second(900, 9000);
  for (int second = 1; second < 9; ++second) {
    EXPECT_DOUBLE_EQ(rates_.values().events_per_second, 100);
    EXPECT_DOUBLE_EQ(rates_.values().deliveries_per_second, 2000);
    pass_a_second(0, 0);
  }
  pass_a_second(0, 0);
  EXPECT_DOUBLE_EQ(rates_.values().events_per_second, 0);
}

TEST_F(RatesTest, BeforeThereIsATimeThereIsNoRate) {
  metrics_.ingest.taken.add(1'000'000);
  EXPECT_DOUBLE_EQ(rates_.values().events_per_second, 0) << "at the very start";
  clock_.advance(seconds(2));
  EXPECT_DOUBLE_EQ(rates_.values().events_per_second, 500'000);
}

}  // namespace
}  // namespace zws
