#include "comeback.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace zws::tool {
namespace {

TEST(ComebackTest, TheSameIsSaidLessAndLessOften) {
  Comeback comeback;
  std::vector<int> said;
  for (int attempt = 1; attempt <= 100; ++attempt)
    if (comeback.is_worth_a_line("nobody listens")) said.push_back(attempt);
  EXPECT_EQ(said, (std::vector<int>{1, 2, 4, 8, 16, 32, 64}));
  EXPECT_TRUE(comeback.is_worth_a_line("it is full")) << "something else is news";
  comeback.succeeded();
  EXPECT_TRUE(comeback.is_worth_a_line("it is full"));
  EXPECT_TRUE(comeback.is_worth_a_line("it is full"));
  EXPECT_FALSE(comeback.is_worth_a_line("it is full"));
}

TEST(ComebackTest, PausesGrowToTwentySecondsAndBeginAnew) {
  Comeback comeback;
  for (int i = 0; i < 2000; ++i) EXPECT_LE(comeback.next_pause().count(), 20'000);
  comeback.succeeded();
  EXPECT_LE(comeback.next_pause().count(), 500);
}

}  // namespace
}  // namespace zws::tool
