// The busiest topics of a lane are looked for a slice at a time.
#include "api/busiest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "unit/api/hand_clock.hpp"

namespace zws {
namespace {

using testing::Each;
using testing::IsEmpty;
using testing::Lt;
using testing::UnorderedElementsAre;

// A router's topics, at each of which it takes a twentieth of a millisecond to look.
struct Topics {
  template <typename Visit>
  bool each_after(std::string_view after, Visit&& visit) const {
    for (auto next = events.upper_bound(std::string(after)); next != events.end(); ++next) {
      clock.advance(std::chrono::microseconds(50));
      ++looks;
      if (!visit(next->first, next->second)) return true;
    }
    return false;
  }

  HandClock& clock;
  std::map<std::string, std::uint64_t> events;
  mutable std::size_t looks = 0;
};

class BusiestTest : public testing::Test {
 protected:
  std::vector<std::string> found(Busiest busiest) {
    std::vector<std::string> names;
    for (bool more = true; more;) {
      Slice slice(clock_);
      topics_.looks = 0;
      more = busiest.some(topics_, slice, names);
      at_once_.push_back(topics_.looks);
      EXPECT_TRUE(names.empty() || !more) << "until all have been looked at none is named";
    }
    return names;
  }

  HandClock clock_;
  Topics topics_{clock_, {}};
  std::vector<std::size_t> at_once_;
};

TEST_F(BusiestTest, TheyAreFoundWhereverTheirNamesStand) {
  for (std::uint64_t i = 0; i < 1000; ++i) topics_.events["t" + std::to_string(i)] = i % 10;
  topics_.events["a"] = 20;
  topics_.events["t5"] = 30;
  topics_.events["z"] = 40;
  EXPECT_THAT(found(Busiest(3)), UnorderedElementsAre("a", "t5", "z"));
  EXPECT_THAT(at_once_, Each(Lt(32U))) << "a slice is about a millisecond, however many there are";
}

TEST_F(BusiestTest, OfFewAllAreNamed) {
  topics_.events = {{"a", 0}, {"b", 1}};
  EXPECT_THAT(found(Busiest(3)), UnorderedElementsAre("a", "b"));
  topics_.events = {};
  EXPECT_THAT(found(Busiest(3)), IsEmpty());
}

}  // namespace
}  // namespace zws
