#include "auth/fetch_schedule.hpp"

#include <gtest/gtest.h>

namespace zws {
namespace {

using std::chrono::seconds;

class FetchScheduleTest : public ::testing::Test {
 protected:
  SteadyTime at(int second) const { return start_ + seconds(second); }

  // A fetch that is due takes no time; the next regular one is an hour later.
  bool fetches(int second) {
    if (!schedule_.is_due(at(second))) return false;
    schedule_.begin();
    schedule_.end(at(second + 3600));
    return true;
  }

  const SteadyTime start_{std::chrono::hours(1)};
  FetchSchedule schedule_;
};

TEST_F(FetchScheduleTest, ATokenHasTheKeysFetchedAtOnce) {
  EXPECT_TRUE(fetches(0));
  EXPECT_FALSE(fetches(1));
  EXPECT_EQ(schedule_.ask(at(1)), KeyFetch::begins);
  EXPECT_EQ(schedule_.ask(at(1)), KeyFetch::begins) << "the same one";
  schedule_.begin();
  EXPECT_EQ(schedule_.ask(at(2)), KeyFetch::runs);
}

TEST_F(FetchScheduleTest, WhoAsksAgainAndAgainKeepsNoNewKeyOut) {
  fetches(0);
  int count = 0;
  for (int second = 1; second <= 301; ++second) {
    schedule_.ask(at(second));  // for a key that nobody made
    count += fetches(second) ? 1 : 0;
  }
  EXPECT_EQ(count, 11) << "one in 30 s";

  EXPECT_EQ(schedule_.ask(at(302)), KeyFetch::none) << "for one that is new";
  EXPECT_FALSE(fetches(330));
  EXPECT_TRUE(fetches(331)) << "though no token comes any more";
}

TEST_F(FetchScheduleTest, AnotherSourceWasNotAskedYet) {
  fetches(0);
  EXPECT_EQ(schedule_.ask(at(1)), KeyFetch::begins);
  fetches(1);
  EXPECT_EQ(schedule_.ask(at(2)), KeyFetch::none);
  schedule_.fetch_now(at(3), true);
  EXPECT_TRUE(fetches(3));
  EXPECT_EQ(schedule_.ask(at(4)), KeyFetch::begins);
}

TEST_F(FetchScheduleTest, AReloadWhileAFetchRunsHasAnotherFollow) {
  schedule_.begin();
  schedule_.fetch_now(at(1), false);
  schedule_.end(at(3600));
  EXPECT_TRUE(fetches(2));
}

}  // namespace
}  // namespace zws
