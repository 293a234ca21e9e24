#include "pace.hpp"

#include <gtest/gtest.h>

namespace zws::tool {
namespace {

using namespace std::chrono_literals;

const SteadyTime start = SteadyTime{} + 1000s;

TEST(PaceTest, MessagesAreDueAtEqualDistances) {
  Pace pace(10);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(pace.next(start), start + i * 100ms);
}

TEST(PaceTest, WhatWasLateIsNotMadeUpForInABurst) {
  Pace pace(10);
  EXPECT_EQ(pace.next(start), start);
  EXPECT_EQ(pace.next(start + 5s), start + 5s);
  EXPECT_EQ(pace.next(start + 5s), start + 5s + 100ms);
}

TEST(PaceTest, WithoutARateEverythingIsDueAtOnce) {
  Pace pace(0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(pace.next(start), start);
}

}  // namespace
}  // namespace zws::tool
