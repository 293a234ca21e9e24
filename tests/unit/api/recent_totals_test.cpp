// Many administrators ask for the totals of very many topics.
#include "api/recent_totals.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/short_memory.hpp"
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

// Else nobody would be told any more, as all wait for one who asks.
TEST_F(RecentTotalsTest, WhereThereIsNoMemoryForThemAllAreToldAndTheNextOneAsksAnew) {
  const std::string text(1000, 'a');
  for (std::size_t passed = 0; passed < 4; ++passed) {
    std::size_t told = 0;
    const int asked = times_asked_;
    for (int i = 0; i < 3; ++i) totals_.get([&](const std::string&) { ++told; });
    auto answer = std::exchange(asked_, nullptr);
    std::string given = text;
    {
      const ShortMemory memory(passed);
      answer(std::move(given));
    }
    EXPECT_EQ(told, 3U) << passed;
    EXPECT_EQ(times_asked_, asked + 1);
    clock_.advance(std::chrono::seconds(1));
  }
}

TEST_F(RecentTotalsTest, WhoCannotBeToldKeepsNoOtherFromBeingTold) {
  totals_.get([](const std::string&) { throw std::bad_alloc(); });
  get();
  find("a");
  EXPECT_THAT(told_, ElementsAre("a"));
}

TEST(RecentTotalsFailTest, NobodyWaitsForAnAnswerThatCannotBeAskedFor) {
  RecentTotals totals([](const RecentTotals::Done&) { throw std::bad_alloc(); });
  std::vector<std::string> told;
  totals.get([&](const std::string& text) { told.push_back(text); });
  EXPECT_THAT(told, ElementsAre("{}"));
}

}  // namespace
}  // namespace zws
