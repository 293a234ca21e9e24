#include "ws/sign_in.hpp"

#include <gtest/gtest.h>

#include "unit/auth/forge.hpp"
#include "unit/ws/model_bridge.hpp"

namespace zws {
namespace {

class TwoClocks final : public Clock {
 public:
  SteadyTime steady() const noexcept override { return steady_; }
  WallTime wall() const noexcept override { return wall_; }

  SteadyTime steady_{std::chrono::hours(1)};
  WallTime wall_{std::chrono::seconds(1'800'000'000)};
};

// A session signed in until an hour from now, without a lane: time is moved by hand.
class SignInTest : public testing::Test, private MessageHandler, private Link, Outbox::Owner {
 protected:
  SignInTest() {
    wire_.room = 1 << 20;
    outbox_.open(&wire_);
    session_.ticket = 1;
    sign_in_.upgrade(session_, token());
  }
  ~SignInTest() override { session_.on_closed(1006); }

  static ConfigPtr config() {
    auto made = std::make_shared<Config>();
    made->auth.hs256_secret = std::string(32, 's');
    made->heartbeat.interval = made->heartbeat.timeout = std::chrono::hours(24);
    return made;
  }

  static std::string token() {
    return forge::token(forge::Signer::secret(std::string(32, 's')), "HS256",
                        R"({"sub":"ada","exp":1800003600})");
  }

  void wait(std::chrono::seconds by) {
    clock_.steady_ += by;
    wheel_.advance(clock_.steady_);
  }

  bool told_expired() const { return wire_.taken.find("token_expired") != std::string::npos; }

  TwoClocks clock_;
  const ConfigPtr config_ = config();

 private:
  void on_message(Session&, std::string_view, bool) override {}
  void on_timer(Session& session, SteadyTime now) override { sign_in_.on_timer(session, now); }
  void on_loss(const Session&, std::string_view) noexcept override {}
  void on_leave(Session& session) noexcept override { sign_in_.on_leave(session); }

  Outbox& outbox() noexcept override { return outbox_; }
  void close(CloseCode, std::string_view) noexcept override {}
  void abort() noexcept override {}
  void limit_messages(std::size_t) noexcept override {}
  bool deaf() const noexcept override { return false; }
  void go_on_reading() noexcept override {}

  void on_blocked() noexcept override {}
  void on_drained() noexcept override {}
  void on_broken() noexcept override {}
  void on_loss(std::string_view) noexcept override {}
  void on_overflow() noexcept override {}

  asio::io_context loop_;
  Verifier verifier_{config_->auth, clock_};
  AdminToken admin_token_;
  Admission admission_{config_->limits, 10};
  LaneMetrics metrics_;
  Wheel wheel_{clock_.steady()};
  SignIn sign_in_{
      SignIn::Parts{&loop_, &verifier_, &admin_token_, &admission_,
                    [this](std::uint64_t) { return &session_; }},
      SignIn::Events{[](Session&) {}, [](Session&) {}, [](Session&, std::string_view) {}}};
  NarrowWire wire_;
  Outbox outbox_{static_cast<Outbox::Owner&>(*this), metrics_, std::size_t{1} << 20};
  const SessionRules rules_{config_, &wheel_, this, &metrics_, &clock_};
  Session session_{*this, rules_, "192.0.2.1"};
};

TEST_F(SignInTest, AWallClockThatWasPutForwardEndsATokenWithinAMinute) {
  wait(std::chrono::seconds(61));
  EXPECT_FALSE(told_expired());
  clock_.wall_ += std::chrono::hours(2);
  wait(std::chrono::seconds(61));
  EXPECT_TRUE(told_expired());
}

TEST_F(SignInTest, AWallClockThatWasPutBackEndsNoTokenEarly) {
  clock_.wall_ -= std::chrono::hours(2);
  wait(std::chrono::seconds(61));
  wait(std::chrono::seconds(3600));
  EXPECT_FALSE(told_expired());
}

}  // namespace
}  // namespace zws
