// The coarse timer wheel: nothing fires before its time, and everything fires.
#include "client/wheel.hpp"

#include <gmock/gmock.h>

#include <memory>
#include <random>
#include <vector>

namespace zws {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const SteadyTime start{std::chrono::hours(1)};

struct Alarm final : Wheel::Timer {
  void on_timer(SteadyTime now) noexcept override {
    fired.push_back(now);
    if (again > milliseconds(0)) wheel->arm(*this, now + again);
  }
  std::vector<SteadyTime> fired;
  Wheel* wheel = nullptr;
  milliseconds again{0};
};

class WheelTest : public ::testing::Test {
 protected:
  void advance_to(milliseconds at) { wheel_.advance(start + at); }
  Wheel wheel_{start};
};

TEST_F(WheelTest, FiresAtTheFirstTickAtOrAfterTheDeadlineAndOnce) {
  Alarm alarm;
  wheel_.arm(alarm, start + milliseconds(250));
  advance_to(milliseconds(200));
  EXPECT_THAT(alarm.fired, IsEmpty());
  advance_to(milliseconds(300));
  EXPECT_THAT(alarm.fired, ElementsAre(start + milliseconds(300)));
  advance_to(milliseconds(90'000));
  EXPECT_EQ(alarm.fired.size(), 1U);
}

TEST_F(WheelTest, ADeadlineInThePastFiresAtTheNextTick) {
  Alarm alarm;
  wheel_.arm(alarm, start - milliseconds(5000));
  EXPECT_THAT(alarm.fired, IsEmpty());
  advance_to(Wheel::tick);
  EXPECT_EQ(alarm.fired.size(), 1U);
}

TEST_F(WheelTest, ADeadlineBeyondOneTurnWaitsForItsTurn) {
  Alarm alarm;
  wheel_.arm(alarm, start + std::chrono::minutes(10));
  for (milliseconds at{0}; at < std::chrono::minutes(10); at += Wheel::tick) advance_to(at);
  EXPECT_THAT(alarm.fired, IsEmpty());
  advance_to(std::chrono::minutes(10) + Wheel::tick);
  EXPECT_EQ(alarm.fired.size(), 1U);
}

TEST_F(WheelTest, ATimeThatJumpsFiresWhatIsDueAndNothingElse) {
  Alarm due;
  Alarm later;
  wheel_.arm(due, start + milliseconds(700));
  wheel_.arm(later, start + std::chrono::hours(3));
  advance_to(std::chrono::hours(2));
  EXPECT_EQ(due.fired.size(), 1U);
  EXPECT_THAT(later.fired, IsEmpty());
  advance_to(std::chrono::hours(4));
  EXPECT_EQ(later.fired.size(), 1U);
}

TEST_F(WheelTest, ArmingAgainMovesTheTimer) {
  Alarm alarm;
  wheel_.arm(alarm, start + milliseconds(200));
  wheel_.arm(alarm, start + milliseconds(1000));
  advance_to(milliseconds(900));
  EXPECT_THAT(alarm.fired, IsEmpty());
  advance_to(milliseconds(1100));
  EXPECT_EQ(alarm.fired.size(), 1U);
}

TEST_F(WheelTest, ATimerMayArmItselfAgain) {
  Alarm alarm;
  alarm.wheel = &wheel_;
  alarm.again = milliseconds(1000);
  wheel_.arm(alarm, start + milliseconds(1000));
  for (milliseconds at{0}; at <= milliseconds(10'000); at += Wheel::tick) advance_to(at);
  EXPECT_GE(alarm.fired.size(), 8U);
  EXPECT_LE(alarm.fired.size(), 10U);
  for (std::size_t i = 1; i < alarm.fired.size(); ++i)
    EXPECT_GE(alarm.fired[i] - alarm.fired[i - 1], alarm.again);
}

TEST_F(WheelTest, WhatIsCancelledOrGoneDoesNotFire) {
  Alarm cancelled;
  auto gone = std::make_unique<Alarm>();
  Alarm stays;
  for (Alarm* alarm : {&cancelled, gone.get(), &stays})
    wheel_.arm(*alarm, start + milliseconds(500));
  cancelled.cancel();
  cancelled.cancel();
  gone.reset();
  advance_to(milliseconds(1000));
  EXPECT_THAT(cancelled.fired, IsEmpty());
  EXPECT_EQ(stays.fired.size(), 1U);
}

TEST_F(WheelTest, ATimerMayEndAnotherOfTheSameTick) {
  struct Ending final : Wheel::Timer {
    void on_timer(SteadyTime) noexcept override {
      ++fired;
      other.reset();
    }
    std::unique_ptr<Ending> other;
    int fired = 0;
  };
  Ending first;
  first.other = std::make_unique<Ending>();
  // The one armed last stands first in its slot, so both orders are tried.
  wheel_.arm(*first.other, start + milliseconds(100));
  wheel_.arm(first, start + milliseconds(100));
  advance_to(milliseconds(500));
  EXPECT_EQ(first.fired, 1);
  EXPECT_EQ(first.other, nullptr);
}

TEST_F(WheelTest, ManyTimersAtRandomEachFireOnceAndInTime) {
  std::mt19937 random(7);
  std::vector<Alarm> alarms(500);
  std::vector<milliseconds> deadlines;
  for (Alarm& alarm : alarms) {
    deadlines.emplace_back(random() % 200'000);
    wheel_.arm(alarm, start + deadlines.back());
  }
  milliseconds at{0};
  while (at < milliseconds(201'000)) {
    at += milliseconds(random() % 700);
    advance_to(at);
    for (std::size_t i = 0; i < alarms.size(); ++i) {
      if (deadlines[i] > at) {
        ASSERT_THAT(alarms[i].fired, IsEmpty());
      } else if (deadlines[i] + 2 * Wheel::tick <= at) {
        ASSERT_EQ(alarms[i].fired.size(), 1U);
      }
    }
  }
}

}  // namespace
}  // namespace zws
