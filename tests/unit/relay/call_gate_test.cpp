#include "relay/call_gate.hpp"

#include <gtest/gtest.h>

namespace zws {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds redis_time{1'780'000'000'000};

CallText call_of(const std::string& id, milliseconds sent = redis_time) {
  return {id, "web-1", sent.count(), {FleetCall::Kind::close_user, {}, "ada"}};
}

class CallGateTest : public testing::Test {
 protected:
  CallGateTest() { gate_.set_time(redis_time, now_, now_); }

  bool admits(const CallText& call) { return gate_.admit(call.text(), now_).has_value(); }

  SteadyTime now_{std::chrono::hours(5)};
  CallGate gate_{1000};
};

TEST_F(CallGateTest, ACallIsCarriedOutOnce) {
  const auto told = gate_.admit(call_of("a").text(), now_);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->call.whom, "ada");
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(admits(call_of("a"))) << i;
    now_ += milliseconds(1000);
  }
  EXPECT_TRUE(admits(call_of("b", gate_.time(now_))));
}

TEST_F(CallGateTest, ATimeThatWasLongInComingIsTakenOnlyWhereNoneIsKnown) {
  const SteadyTime asked = now_;
  now_ += milliseconds(2000);  // Redis hung, and tells when it answered, or when it was asked
  EXPECT_FALSE(gate_.set_time(redis_time, asked, now_));
  EXPECT_TRUE(admits(call_of("a", redis_time + milliseconds(2000))));
  gate_.forget_time();
  EXPECT_FALSE(admits(call_of("b", redis_time)));
  EXPECT_FALSE(gate_.set_time(redis_time, asked, now_)) << "it is to be asked again soon";
  EXPECT_TRUE(admits(call_of("c", redis_time)));
  EXPECT_TRUE(gate_.set_time(redis_time + milliseconds(2000), now_ - CallGate::answer_max, now_));
  EXPECT_TRUE(admits(call_of("d", redis_time + milliseconds(2000))));
}

TEST_F(CallGateTest, ItsAgeIsBoundedOnBothSidesByTheClockOfRedis) {
  EXPECT_TRUE(admits(call_of("a", redis_time - CallGate::age_max)));
  EXPECT_FALSE(admits(call_of("b", redis_time - CallGate::age_max - milliseconds(1))));
  EXPECT_TRUE(admits(call_of("c", redis_time + CallGate::ahead_max)));
  EXPECT_FALSE(admits(call_of("d", redis_time + CallGate::ahead_max + milliseconds(1))));
  now_ += milliseconds(6000);
  EXPECT_FALSE(admits(call_of("e"))) << "what was held up somewhere";
}

TEST_F(CallGateTest, AnIdIsForgottenOnlyWhenItsCallIsTooOld) {
  EXPECT_TRUE(admits(call_of("a", redis_time + CallGate::ahead_max)));
  for (milliseconds passed{0}; passed < milliseconds(12'000); passed += milliseconds(100)) {
    now_ += milliseconds(100);
    EXPECT_FALSE(admits(call_of("a", redis_time + CallGate::ahead_max))) << passed.count();
  }
}

TEST_F(CallGateTest, WhoComesWhenTheIdsAreFullIsRefused) {
  for (std::size_t i = 0; i < CallGate::ids_max; ++i)
    ASSERT_TRUE(admits(call_of("a" + std::to_string(i))));
  EXPECT_FALSE(admits(call_of("more")));
  now_ += milliseconds(20'000);
  EXPECT_TRUE(admits(call_of("later", gate_.time(now_))));
}

TEST(CallGate, NobodyIsLetInBeforeTheTimeIsKnown) {
  CallGate gate(1000);
  EXPECT_FALSE(gate.admit(call_of("a").text(), SteadyTime(std::chrono::hours(5))));
}

}  // namespace
}  // namespace zws
