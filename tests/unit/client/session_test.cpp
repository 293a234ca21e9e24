// What is true of any client: its heartbeat and its end. The wire is a string, time is the test's.
#include "client/session.hpp"

#include <gmock/gmock.h>

#include "support/events.hpp"
#include "unit/lane/model_bridge.hpp"

namespace zws {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

class SessionTest : public ::testing::Test,
                    protected Link,
                    protected Outbox::Owner,
                    protected MessageHandler {
 protected:
  void SetUp() override {
    outbox_.open(&wire_);
    wire_.room = 100;
    session_.open();
  }
  void TearDown() override { session_.on_closed(1006); }

  Outbox& outbox() noexcept override { return outbox_; }
  void close(CloseCode code, std::string_view) noexcept override {
    closed_ = code;
    outbox_.write("close frame");
  }
  void abort() noexcept override { ++aborted_; }
  void limit_messages(std::size_t) noexcept override {}
  bool deaf() const noexcept override { return deaf_; }
  void go_on_reading() noexcept override { ++read_again_; }
  void on_blocked() noexcept override { session_.on_blocked(); }
  void on_drained() noexcept override {}
  void on_broken() noexcept override {}
  void on_loss(std::string_view) noexcept override {}
  void on_overflow() noexcept override {}
  void on_message(Session&, std::string_view, bool) override {}
  void on_timer(Session&, SteadyTime) override {}
  void on_loss(const Session&, std::string_view) noexcept override {}
  void on_leave(Session&) noexcept override {}

  void pass(std::chrono::milliseconds time) {
    for (; time.count() > 0; time -= Wheel::tick) {
      clock_.advance(Wheel::tick);
      wheel_.advance(clock_.steady());
    }
  }
  void deliver(const Made& made) {
    const EventPtr event = make_event(made);
    const EventPtr* const place = &event;
    outbox_.deliver({&place, 1, event->frame()});
  }

  static constexpr std::size_t queue_bytes = 20'000;
  const std::shared_ptr<Config> config_ = std::make_shared<Config>();
  ModelClock clock_;
  Wheel wheel_{clock_.steady()};
  LaneMetrics metrics_;
  const SessionRules rules_{config_, &wheel_, this, &metrics_, &clock_};
  NarrowWire wire_;
  Outbox outbox_{static_cast<Outbox::Owner&>(*this), metrics_, queue_bytes};
  Session session_{*this, rules_, "here"};
  CloseCode closed_{};
  bool deaf_ = false;
  int read_again_ = 0;
  int aborted_ = 0;
};

constexpr std::chrono::milliseconds timeout{60'000};

TEST_F(SessionTest, SilenceEndsIt) {
  pass(timeout + Wheel::tick);
  EXPECT_EQ(closed_, CloseCode::no_sign_of_life);
}

TEST_F(SessionTest, WhoIsSilentIsSentNothingMoreAndGoneInASecond) {
  for (const std::uint64_t seq : {1U, 2U}) deliver({"a", seq, Overflow::drop_newest, 5'000});
  ASSERT_GT(outbox_.queued_bytes(), 6'000U);
  pass(timeout + Wheel::tick);
  ASSERT_EQ(closed_, CloseCode::no_sign_of_life);
  EXPECT_LT(outbox_.queued_bytes(), 6'000U) << "the rest of what is half out";
  pass(std::chrono::milliseconds(1'000) + 2 * Wheel::tick);
  EXPECT_GT(aborted_, 0) << "nobody is there to answer the close";
}

TEST_F(SessionTest, WhoIsClosedHasFiveSecondsToAnswerThat) {
  session_.close(CloseCode::restart);
  pass(std::chrono::milliseconds(4'900));
  EXPECT_EQ(aborted_, 0);
  pass(std::chrono::milliseconds(100) + 2 * Wheel::tick);
  EXPECT_GT(aborted_, 0);
}

TEST_F(SessionTest, AReloadHoldsForTheQueueOfWhoIsThere) {
  deliver({"a", 1, Overflow::drop_newest, 10'000});
  EXPECT_FALSE(outbox_.at_bound());
  config_->limits.queue_bytes = 5'000;
  session_.on_reload();
  EXPECT_TRUE(outbox_.at_bound());
}

TEST_F(SessionTest, NobodyIsSilentWhomTheBridgeDoesNotRead) {
  deaf_ = true;
  pass(2 * timeout);
  EXPECT_EQ(closed_, CloseCode{});
}

TEST_F(SessionTest, WhoTakesBytesIsAlive) {
  deliver({"a", 1, Overflow::drop_newest, 10'000});
  for (int i = 0; i < 4; ++i) {
    pass(timeout / 2);
    wire_.room += 100;
    outbox_.flush();
  }
  EXPECT_EQ(closed_, CloseCode{});
  pass(timeout + Wheel::tick);
  EXPECT_EQ(closed_, CloseCode::no_sign_of_life);
}

std::string frames(unsigned first, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += std::string{static_cast<char>(first), '\x80'} + "mask";
  return all;
}
constexpr unsigned ping = 0x89;
constexpr unsigned pong = 0x8A;
constexpr unsigned begun = 0x01;

TEST_F(SessionTest, WhatIsNoMessageIsReadNoFasterThanMessages) {
  config_->limits.messages_per_second = 10;
  session_.on_bytes(frames(ping, 20));
  EXPECT_FALSE(session_.busy());
  session_.on_bytes(frames(ping, 5));
  EXPECT_TRUE(session_.busy());
  pass(std::chrono::milliseconds(500));
  EXPECT_TRUE(session_.busy()) << "there is room for a message again when six tenths have passed";
  EXPECT_EQ(read_again_, 0);
  pass(std::chrono::milliseconds(200));
  EXPECT_FALSE(session_.busy());
  EXPECT_EQ(read_again_, 1);
  EXPECT_EQ(closed_, CloseCode{});
}

TEST_F(SessionTest, TheAnswerToAPingOfTheBridgeCostsNothing) {
  config_->limits.messages_per_second = 10;
  pass(config_->heartbeat.interval + Wheel::tick);
  session_.on_bytes(frames(ping, 20) + frames(pong, 1));
  EXPECT_FALSE(session_.busy());
  session_.on_bytes(frames(pong, 1));
  EXPECT_TRUE(session_.busy()) << "nobody asked for that";
}

TEST_F(SessionTest, WhoWasPausedIsHeardOnceItIsClosed) {
  config_->limits.messages_per_second = 10;
  session_.on_bytes(frames(ping, 40));
  session_.close(CloseCode::restart);
  EXPECT_FALSE(session_.busy()) << "its half of the closing handshake is to come";
}

TEST_F(SessionTest, AllThatItHoldsIsInOneAccount) {
  EXPECT_EQ(session_.held_bytes(), 0U);
  session_.on_bytes(std::string{static_cast<char>(begun), '\xFE', 10, 0} + "mask" +
                    std::string(2560, 'x'));
  EXPECT_EQ(session_.held_bytes(), 2560U) << "a message that has not ended";
  deliver({"a", 1, Overflow::drop_oldest, 10'000});
  EXPECT_EQ(session_.held_bytes(), 2560U + outbox_.queued_bytes());
  const std::size_t before = session_.held_bytes();
  session_.usage.add(std::string(100, 'n'));
  EXPECT_GE(session_.held_bytes(), before + 100);
  session_.usage.drop(std::string(100, 'n'));
  EXPECT_EQ(session_.held_bytes(), before);
}

TEST_F(SessionTest, OfWhoIsClosedForAnUnfinishedMessageNothingMoreIsRead) {
  session_.on_bytes(std::string{static_cast<char>(begun), '\xFE', 10, 0} + "mask" + "some of it");
  session_.close_for_memory();
  EXPECT_EQ(closed_, CloseCode::slow_consumer);
  EXPECT_TRUE(session_.busy());
  EXPECT_EQ(session_.held_bytes(), outbox_.queued_bytes() + 10) << "until it is gone";
}

TEST_F(SessionTest, WhoIsClosedForItsQueueIsHeardToItsEnd) {
  deliver({"a", 1, Overflow::drop_oldest, 10'000});
  session_.close_for_memory();
  EXPECT_FALSE(session_.busy());
}

TEST_F(SessionTest, ReloadsThatComeOftenDoNotPutOffPings) {
  for (int i = 0; i < 10; ++i) {
    pass(std::chrono::seconds(5));
    session_.on_reload();
  }
  EXPECT_THAT(wire_.taken, HasSubstr(FrameHeader(Opcode::ping, 0).bytes()));
}

TEST_F(SessionTest, WhereAReloadHasThemPingedMoreOftenNotAllArePingedAtOnce) {
  wire_.room = 100'000;
  std::vector<std::unique_ptr<Session>> all;
  for (int i = 0; i < 200; ++i) {
    all.push_back(std::make_unique<Session>(static_cast<Link&>(*this), rules_, "here"));
    all.back()->open();
  }
  config_->heartbeat.interval = std::chrono::seconds(5);
  for (const auto& session : all) session->on_reload();
  const std::size_t ping_bytes = FrameHeader(Opcode::ping, 0).bytes().size();
  std::size_t most = 0;
  std::size_t sum = 0;
  for (Duration passed{0}; passed <= config_->heartbeat.interval; passed += Wheel::tick) {
    wire_.taken.clear();
    pass(Wheel::tick);
    most = std::max(most, wire_.taken.size() / ping_bytes);
    sum += wire_.taken.size() / ping_bytes;
  }
  for (const auto& session : all) session->on_closed(1006);
  EXPECT_GE(sum, all.size()) << "each within the new interval";
  EXPECT_LT(most, 50U);
}

std::int64_t told_after_ms(const std::string& taken) {
  const std::string_view word = R"({"type":"reconnect","after_ms":)";
  const std::size_t at = taken.find(word);
  return at == std::string::npos ? -1 : std::stoll(taken.substr(at + word.size()));
}

TEST_F(SessionTest, WhoIsSentAwayIsToldWhenAndClosedThen) {
  session_.send_away(std::chrono::seconds(40));
  const std::int64_t after_ms = told_after_ms(wire_.taken);
  EXPECT_GE(after_ms, 0);
  EXPECT_LE(after_ms, 40'000);
  EXPECT_EQ(closed_, CloseCode{});
  const auto before = std::chrono::milliseconds(after_ms / 100 * 100);
  pass(before);
  if (before.count() < after_ms) {
    EXPECT_EQ(closed_, CloseCode{});
  }
  pass(2 * Wheel::tick);
  EXPECT_EQ(closed_, CloseCode::restart);
}

TEST_F(SessionTest, WhoIsSentAwayWithoutTimeIsToldAndClosedAtOnce) {
  session_.send_away({});
  EXPECT_EQ(told_after_ms(wire_.taken), 0);
  EXPECT_EQ(closed_, CloseCode::restart);
}

TEST_F(SessionTest, WhoIsSentAwayBeforeTheGreetingIsToldBehindIt) {
  Session early(*this, rules_, "here");
  early.send_away(std::chrono::seconds(40));
  EXPECT_EQ(told_after_ms(wire_.taken), -1);
  early.open();
  EXPECT_GE(told_after_ms(wire_.taken), 0);
  early.on_closed(1006);
}

TEST_F(SessionTest, AnOldConnectionIsToldASecondBeforeItsEnd) {
  config_->server.max_connection_age = std::chrono::seconds(50);
  session_.on_reload();
  pass(std::chrono::seconds(44));
  EXPECT_EQ(told_after_ms(wire_.taken), -1) << "a tenth less than its age, at least";
  Duration passed{44'000};
  for (; told_after_ms(wire_.taken) < 0 && passed < std::chrono::seconds(56); passed += Wheel::tick)
    pass(Wheel::tick);
  EXPECT_LE(passed, Duration{55'200}) << "a tenth more, at most";
  EXPECT_EQ(told_after_ms(wire_.taken), 1000);
  EXPECT_EQ(closed_, CloseCode{});
  pass(std::chrono::milliseconds(900));
  EXPECT_EQ(closed_, CloseCode{});
  pass(2 * Wheel::tick);
  EXPECT_EQ(closed_, CloseCode::restart);
}

class SessionEndTest : public SessionTest, public ::testing::WithParamInterface<CloseCode> {};

TEST_P(SessionEndTest, OfARightEndsDeliveryToo) {
  deliver({"a", 1, Overflow::drop_newest, 300});  // half out
  deliver({"secret", 2});
  session_.close(GetParam());
  wire_.room += 1000;
  outbox_.flush();
  EXPECT_EQ(outbox_.delivered(), 1U);
  EXPECT_THAT(wire_.taken, EndsWith("close frame"));
  EXPECT_EQ(metrics_.dropped[static_cast<std::size_t>(DropReason::disconnected)].value(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Codes, SessionEndTest,
                         ::testing::Values(CloseCode::kicked, CloseCode::token));

TEST_F(SessionTest, ARestartSendsWhatWaitsFirst) {
  deliver({"a", 1, Overflow::drop_newest, 300});
  deliver({"a", 2});
  session_.close(CloseCode::restart);
  wire_.room += 1000;
  outbox_.flush();
  EXPECT_EQ(outbox_.delivered(), 2U);
  EXPECT_THAT(wire_.taken, EndsWith("close frame"));
}

}  // namespace
}  // namespace zws
