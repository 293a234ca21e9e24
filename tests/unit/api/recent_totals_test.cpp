// Many administrators ask for the totals of very many topics.
#include "api/recent_totals.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/api/hand_clock.hpp"

namespace zws {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class RecentTotalsTest : public testing::Test {
 protected:
  void get() {
    totals_.get([this](const std::string& text) { told_.push_back(text); });
  }
  void find(const std::string& text) { std::exchange(asked_, nullptr)(text); }

  HandClock clock_;
  int times_asked_ = 0;
  RecentTotals::Done asked_;
  std::vector<std::string> told_;
  RecentTotals totals_{[this](RecentTotals::Done done) {
                         ++times_asked_;
                         asked_ = std::move(done);
                       },
                       clock_};
};

TEST_F(RecentTotalsTest, AreAskedForOnceForAllWhoWait) {
  get();
  get();
  EXPECT_EQ(times_asked_, 1);
  EXPECT_THAT(told_, IsEmpty());
  find("a");
  EXPECT_THAT(told_, ElementsAre("a", "a"));
}

TEST_F(RecentTotalsTest, AreGoodForASecond) {
  get();
  find("a");
  clock_.advance(std::chrono::milliseconds(999));
  get();
  EXPECT_EQ(times_asked_, 1);
  EXPECT_THAT(told_, ElementsAre("a", "a"));
  clock_.advance(std::chrono::milliseconds(1));
  get();
  EXPECT_EQ(times_asked_, 2);
  find("b");
  EXPECT_THAT(told_, ElementsAre("a", "a", "b"));
}

TEST(RecentTotalsFailTest, NobodyWaitsForAnAnswerThatCannotBeAskedFor) {
  RecentTotals totals([](const RecentTotals::Done&) { throw std::bad_alloc(); });
  std::vector<std::string> told;
  totals.get([&](const std::string& text) { told.push_back(text); });
  EXPECT_THAT(told, ElementsAre("{}"));
}

}  // namespace
}  // namespace zws
