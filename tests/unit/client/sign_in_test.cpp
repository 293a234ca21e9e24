#include "client/sign_in.hpp"

#include <gtest/gtest.h>

#include <future>

#include "support/folder.hpp"
#include "unit/auth/forge.hpp"
#include "unit/lane/model_bridge.hpp"

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
    session_.place.ticket = 1;
    sign_in_.upgrade(session_, token());
  }
  ~SignInTest() override { session_.on_closed(1006); }

  static ConfigPtr config() {
    auto made = std::make_shared<Config>();
    made->auth.claims.roles = {"roles"};
    made->auth.hs256_secret = std::string(32, 's');
    made->heartbeat.interval = made->heartbeat.timeout =
        std::chrono::hours(24) + std::chrono::milliseconds(500);
    return made;
  }

  static std::string token(const std::string& expires = "1800003600") {
    return forge::token(forge::Signer::secret(std::string(32, 's')), "HS256",
                        R"({"sub":"ada","id":7,"exp":)" + expires + R"(,"groups":["admin"]})");
  }

  void wait(Duration by) {
    clock_.steady_ += by;
    wheel_.advance(clock_.steady_);
  }

  void reload(const std::function<void(AuthConfig&)>& change) {
    AuthConfig next = config_->auth;
    change(next);
    verifier_.reload(next);
  }
  void review() { sign_in_.review(session_); }
  // Shows a token that the verifier's thread has to check, and returns when the verdict is on its way.
  void authenticate_slowly(const forge::Signer& signer, const std::string& claims) {
    sign_in_.authenticate(session_, forge::token(signer, "ES256", claims), "");
    std::promise<void> judged;  // one after the other
    verifier_.verify(forge::token(signer, "ES256", "{}"),
                     [&](const Verdict&) { judged.set_value(); });
    judged.get_future().wait();
  }
  void take_verdict() {
    loop_.restart();
    loop_.poll();
  }
  const Session& session() const { return session_; }
  void authenticate(const std::string& with = token()) {
    sign_in_.authenticate(session_, with, "");
  }

  bool told(std::string_view what) const { return wire_.taken.find(what) != std::string::npos; }
  bool told_expired() const { return told("token_expired"); }
  bool told_invalid() const { return told("invalid_token") && !told_expired(); }

  std::vector<std::string> told_when_known_;  // what it had been told by then
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
      SignIn::Events{[this](Session&) { told_when_known_.push_back(wire_.taken); }, [](Session&) {},
                     [](Session&, const std::vector<std::string>&) {}}};
  NarrowWire wire_;
  Outbox outbox_{static_cast<Outbox::Owner&>(*this), metrics_, std::size_t{1} << 20};
  const SessionRules rules_{config_, &wheel_, this, &metrics_, &clock_};
  Session session_{*this, rules_, "192.0.2.1"};
};

TEST_F(SignInTest, WhatIsForAllIsListenedToBeforeTheClientIsToldThatItIsIn) {
  authenticate();
  ASSERT_EQ(told_when_known_.size(), 2U);
  EXPECT_EQ(told_when_known_[0].find("\"connection\""), std::string::npos);
  EXPECT_EQ(told_when_known_[1].find("\"auth\""), std::string::npos);
  EXPECT_TRUE(told("\"connection\"") && told("\"auth\""));
}

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

TEST_F(SignInTest, ATokenThatComesWithinTheGraceEndsInItsTimeAsTheFirstDid) {
  const auto pass = [this](std::chrono::seconds time) {
    for (const auto step = std::chrono::seconds(10); time.count() > 0; time -= step) {
      clock_.wall_ += step;
      wait(step);
    }
  };
  pass(std::chrono::seconds(3640));
  ASSERT_TRUE(told_expired());
  authenticate(token("1800007200"));
  pass(std::chrono::seconds(3500));
  EXPECT_EQ(session().state(), Session::State::open);
  pass(std::chrono::seconds(200));
  EXPECT_EQ(session().close_code(), 4401);
}

TEST_F(SignInTest, WhenAPingComesAtTheLatestIsToldInWholeSeconds) {
  EXPECT_TRUE(told(R"("heartbeat":86401)"));
}

TEST_F(SignInTest, ATokenWhoseKeyIsTakenOutEndsAtTheReload) {
  reload([](AuthConfig& next) { next.hs256_secret = std::string(32, 'n'); });
  review();
  EXPECT_TRUE(told_invalid());
  EXPECT_EQ(session().state(), Session::State::open) << "its grace runs";
  review();
  wait(config_->auth.expiry_grace);
  wait(std::chrono::seconds(1));
  EXPECT_EQ(session().close_code(), 4401);
}

TEST_F(SignInTest, AMistakeThatIsTakenBackWithinTheGraceEndsNothing) {
  reload([](AuthConfig& next) { next.issuer = {"somebody"}; });
  review();
  EXPECT_TRUE(told_invalid());
  reload([](AuthConfig&) {});
  review();
  wait(std::chrono::seconds(60));
  EXPECT_EQ(session().state(), Session::State::open);
}

TEST_F(SignInTest, AReloadReadsTheClaimsOfWhoIsInAnew) {
  EXPECT_FALSE(session().identity()->admin);
  reload([](AuthConfig& next) { next.claims.roles = {"groups"}; });
  review();
  EXPECT_TRUE(session().identity()->admin);
  EXPECT_FALSE(told_expired());
  reload([](AuthConfig& next) { next.claims.admin = {}; });
  review();
  EXPECT_FALSE(session().identity()->admin);
}

TEST_F(SignInTest, WhoIsSomebodyElseNowComesAgain) {
  reload([](AuthConfig& next) { next.claims.user = "id"; });
  review();
  EXPECT_EQ(session().close_code(), 1012);
  EXPECT_EQ(session().identity()->user, "ada") << "whose place in the counts it gives back";
}

TEST_F(SignInTest, AVerdictOnItsWayIsJudgedByWhatAReloadBrings) {
  const Folder folder;
  const auto signer = forge::Signer::ec();
  const std::string pem = folder.file("key.pem", signer.public_pem());
  reload([&](AuthConfig& next) { next.public_key_file = pem; });
  authenticate_slowly(signer, R"({"sub":"ada","exp":1800003600,"groups":["admin"]})");
  reload([&](AuthConfig& next) {
    next.public_key_file = pem;
    next.claims.roles = {"groups"};
  });
  take_verdict();
  EXPECT_TRUE(session().identity()->admin);
  authenticate_slowly(signer, R"({"sub":"ada","exp":1800003601})");
  reload([](AuthConfig&) {});
  take_verdict();
  EXPECT_TRUE(told("invalid_token"));
}

}  // namespace
}  // namespace zws
