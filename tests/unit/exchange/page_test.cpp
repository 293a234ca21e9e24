// A topic's history page by page, as an administrator turns them.
#include <gmock/gmock.h>

#include <limits>

#include "unit/exchange/stage.hpp"

namespace zws {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto end = std::numeric_limits<std::uint64_t>::max();

class HistoryPageTest : public testing::Test {
 protected:
  void publish(std::uint64_t from, std::uint64_t to, std::size_t frame_bytes = 0) {
    for (std::uint64_t seq = from; seq <= to; ++seq) {
      Sent sent{"t", "a", seq};
      sent.frame_bytes = frame_bytes;
      history.record(make_event(sent, clock.steady()));
    }
  }

  FakeClock clock;
  Topics topics;
  History history{std::make_shared<Config>(), topics, clock};
};

TEST_F(HistoryPageTest, GoesBackFromTheNewest) {
  publish(1, 5);
  const HistoryPage newest = history.page("t", end, 2, all);
  EXPECT_THAT(names(newest.events), ElementsAre("a:4", "a:5"));
  EXPECT_TRUE(newest.more);
  const HistoryPage before = history.page("t", newest.begin, 2, all);
  EXPECT_THAT(names(before.events), ElementsAre("a:2", "a:3"));
  const HistoryPage oldest = history.page("t", before.begin, 2, all);
  EXPECT_THAT(names(oldest.events), ElementsAre("a:1"));
  EXPECT_FALSE(oldest.more);
}

TEST_F(HistoryPageTest, StaysInItsPlaceWhileEventsComeAndGo) {
  publish(1, 100);
  const HistoryPage newest = history.page("t", end, 10, all);
  publish(101, 150);  // history.size is 100: the oldest 50 go
  const HistoryPage before = history.page("t", newest.begin, 100, all);
  EXPECT_THAT(names({before.events.front(), before.events.back()}), ElementsAre("a:51", "a:90"));
  EXPECT_FALSE(before.more);
}

TEST_F(HistoryPageTest, IsEmptyWhereNothingIs) {
  EXPECT_THAT(history.page("unknown", end, 10, all).events, IsEmpty());
  publish(1, 1);
  const HistoryPage only = history.page("t", end, 10, all);
  EXPECT_FALSE(only.more);
  EXPECT_THAT(history.page("t", only.begin, 10, all).events, IsEmpty());
}

TEST_F(HistoryPageTest, HoldsSoManyBytesOrOneEvent) {
  publish(1, 3, 1000);
  const HistoryPage two = history.page("t", end, 10, 2500);
  EXPECT_THAT(names(two.events), ElementsAre("a:2", "a:3"));
  EXPECT_TRUE(two.more);
  const HistoryPage one = history.page("t", two.begin, 10, 10);
  EXPECT_THAT(names(one.events), ElementsAre("a:1"));
  EXPECT_FALSE(one.more);
}

}  // namespace
}  // namespace zws
