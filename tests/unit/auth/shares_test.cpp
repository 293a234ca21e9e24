#include "auth/shares.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/short_memory.hpp"

namespace zws {
namespace {

class SharesTest : public testing::Test {
 protected:
  // How much of it `from` is given, one at a time.
  std::size_t fill(const std::string& from) {
    std::size_t taken = 0;
    for (; auto share = shares_.take(from); ++taken) kept_.push_back(std::move(*share));
    return taken;
  }

  Shares shares_{100};
  std::vector<Shares::Share> kept_;
};

TEST_F(SharesTest, OfAnAddressAloneThereIsRoomForHalf) { EXPECT_EQ(fill("a"), 50U); }

TEST_F(SharesTest, HoweverManyTakeAllTheyCanTheNextOneFindsRoom) {
  EXPECT_EQ(fill("a"), 50U);
  EXPECT_EQ(fill("b"), 25U);
  for (const char* each : {"c", "d", "e"}) EXPECT_GT(fill(each), 0U);
  EXPECT_TRUE(shares_.take("f"));
}

TEST_F(SharesTest, AnAmountIsGivenWholeOrNotAtAll) {
  const auto first = shares_.take("a", 40);
  ASSERT_TRUE(first);
  EXPECT_FALSE(shares_.take("a", 21)) << "61 of its own, and 60 left";
  EXPECT_TRUE(shares_.take("a", 20));
  EXPECT_FALSE(shares_.take("b", 61));
  EXPECT_EQ(shares_.taken(), 40U) << "what was not kept is given back";
}

TEST_F(SharesTest, WhatIsGivenBackIsThereForAllAndItsAddressIsForgotten) {
  fill("a");
  kept_.clear();
  EXPECT_EQ(shares_.taken(), 0U);
  EXPECT_EQ(shares_.addresses(), 0U);
  EXPECT_EQ(fill("b"), 50U);
}

TEST_F(SharesTest, WhatThereIsNoMemoryForIsNotTaken) {
  const std::string long_name(100, 'a');
  int failed = 0;
  for (std::size_t passed = 0; passed < 3; ++passed) {
    try {
      const ShortMemory memory(passed);
      const auto share = shares_.take(long_name);
    } catch (const std::bad_alloc&) {
      ++failed;
    }
    EXPECT_EQ(shares_.taken(), 0U);
    EXPECT_EQ(shares_.addresses(), 0U);
  }
  EXPECT_EQ(failed, 2);
}

}  // namespace
}  // namespace zws
