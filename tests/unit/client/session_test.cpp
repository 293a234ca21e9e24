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
  void abort() noexcept override {}
  void limit_messages(std::size_t) noexcept override {}
  bool deaf() const noexcept override { return deaf_; }
  void go_on_reading() noexcept override {}
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
  const ConfigPtr config_ = std::make_shared<Config>();
  ModelClock clock_;
  Wheel wheel_{clock_.steady()};
  LaneMetrics metrics_;
  const SessionRules rules_{config_, &wheel_, this, &metrics_, &clock_};
  NarrowWire wire_;
  Outbox outbox_{static_cast<Outbox::Owner&>(*this), metrics_, queue_bytes};
  Session session_{*this, rules_, "here"};
  CloseCode closed_{};
  bool deaf_ = false;
};

constexpr std::chrono::milliseconds timeout{60'000};

TEST_F(SessionTest, SilenceEndsIt) {
  pass(timeout + Wheel::tick);
  EXPECT_EQ(closed_, CloseCode::no_sign_of_life);
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

TEST_F(SessionTest, ReloadsThatComeOftenDoNotPutOffPings) {
  for (int i = 0; i < 10; ++i) {
    pass(std::chrono::seconds(5));
    session_.on_reload();
  }
  EXPECT_THAT(wire_.taken, HasSubstr(FrameHeader(Opcode::ping, 0).bytes()));
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
