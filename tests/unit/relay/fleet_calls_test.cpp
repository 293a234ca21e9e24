// What this bridge asks the others, and what they ask it, against a Redis that says what the test tells it to.
#include "relay/fleet_calls.hpp"

#include <gmock/gmock.h>
#include <hiredis/hiredis.h>

#include "unit/relay/peer.hpp"
#include "unit/relay/redis_answers.hpp"

namespace zws {
namespace {

constexpr std::chrono::seconds deadline{30};
constexpr std::int64_t redis_ms = 1'800'000'000'999;  // what its clock shows when it is asked

class FleetCallsTest : public testing::Test {
 protected:
  FleetCallsTest() {
    link_.start();
    wait([this] { return peer_.heard("INFO"); });
    peer_.say(info);
    wait([this] { return link_.up(); });
    bool known = false;
    calls_.begin([&known](const std::string& fault) { known = fault.empty(); });
    wait([this] { return peer_.heard("TIME"); });
    peer_.say(texts({"1800000000", "999000"}));
    wait([&known] { return known; });
    began_ = std::chrono::steady_clock::now();
    calls_.hear(true);
  }

  void wait(const std::function<bool()>& true_at_last) {
    const auto until = std::chrono::steady_clock::now() + deadline;
    while (!true_at_last()) {
      ASSERT_LT(std::chrono::steady_clock::now(), until);
      loop_.run_one_for(std::chrono::milliseconds(10));
    }
  }
  std::int64_t now_ms() const {
    const auto passed = std::chrono::steady_clock::now() - began_;
    return redis_ms + std::chrono::duration_cast<std::chrono::milliseconds>(passed).count();
  }
  static FleetCall closing() {
    FleetCall call;
    call.kind = FleetCall::Kind::close_user;
    call.whom = "ada";
    return call;
  }

  // Asks the others. What they are told.
  CallText call() {
    peer_.got.clear();
    answers_.reset();
    calls_.call(closing(), [this](auto answers) { answers_ = std::move(answers); });
    Reply told;
    wait([&] { return (told = reply(peer_.got)) != nullptr; });
    return CallText::parse(told->element[2]->str, 1'000).value();
  }
  // So many hear the channel, this bridge among them.
  void is_heard_by(int bridges) {
    peer_.say(':' + std::to_string(bridges) + "\r\n");
    wait([this] { return link_.waiting_bytes() == 0; });
  }
  void answer(const std::string& from, const CallText& call, std::uint64_t reached) {
    calls_.take(calls_.answers_channel(), AnswerText{call.id, from, {reached, ""}}.text());
  }
  void ask(int number) {
    const CallText told{"other-" + std::to_string(number), "other", now_ms(), closing()};
    calls_.take(calls_.calls_channel(), told.text());
    loop_.poll();
  }

  asio::io_context loop_;
  Peer peer_{loop_};
  RedisLink::Options options_{std::chrono::minutes(10), std::chrono::minutes(10)};
  RedisLink link_{loop_, RedisUrl::parse("redis://127.0.0.1:" + peer_.port()), {[] {}}, options_};
  RelayMetrics metrics_;
  bool carries_out_ = true;
  std::vector<std::function<void(FleetAnswer)>> in_hand_;
  FleetCalls calls_{loop_,
                    {&link_, "zws:", "here", "life", 1'000, &metrics_,
                     [this](const FleetCall&, std::function<void(FleetAnswer)> done) {
                       if (carries_out_) return done({});
                       in_hand_.push_back(std::move(done));
                     }}};
  std::optional<std::vector<FleetAnswer>> answers_;
  SteadyTime began_{};
};

TEST_F(FleetCallsTest, EachOfTheOthersCountsOnceAndNobodyElseIsWaitedFor) {
  const CallText told = call();
  is_heard_by(3);
  answer("b", told, 1);
  answer("b", told, 1);
  answer("here", told, 5);
  EXPECT_FALSE(answers_) << "one is missing yet";
  answer("c", told, 2);
  ASSERT_TRUE(answers_) << "at once";
  ASSERT_EQ(answers_->size(), 2U);
  EXPECT_EQ((*answers_)[0].reached + (*answers_)[1].reached, 3U);
}

TEST_F(FleetCallsTest, WhoIsAloneWaitsForNobody) {
  call();
  is_heard_by(1);
  ASSERT_TRUE(answers_);
  EXPECT_TRUE(answers_->empty());
}

TEST_F(FleetCallsTest, ACallIsDatedByTheClockOfRedis) {
  const std::int64_t sent = call().sent_ms;
  EXPECT_GE(sent, redis_ms);
  EXPECT_LT(sent, redis_ms + 60'000);
}

TEST_F(FleetCallsTest, WhatHasBeenCarriedOutIsInHandNoLonger) {
  for (int i = 0; i < 600; ++i) ask(i);
  EXPECT_EQ(metrics_.calls_refused.value(), 0U);
  carries_out_ = false;
  for (int i = 600; i < 900; ++i) ask(i);
  ASSERT_EQ(in_hand_.size(), 256U);
  EXPECT_EQ(metrics_.calls_refused.value(), 300U - 256U);
  in_hand_.front()({});
  loop_.poll();
  ask(900);
  EXPECT_EQ(in_hand_.size(), 257U);
}

}  // namespace
}  // namespace zws
