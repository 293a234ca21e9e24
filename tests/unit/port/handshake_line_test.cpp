// Handshakes that all want their turn at once leave turns to others.
#include "port/handshake_line.hpp"

#include <gmock/gmock.h>

#include <asio/post.hpp>
#include <string>

namespace zws {
namespace {

class HeldClock final : public Clock {
 public:
  SteadyTime steady() const noexcept override { return now; }
  SteadyTime now{};
};

class HandshakeLineTest : public testing::Test {
 protected:
  // A handshake that takes `time`.
  void add(char name, std::chrono::microseconds time) {
    line_.add([this, name, time] {
      seen_ += name;
      clock_.now += time;
    });
  }

  HeldClock clock_;
  asio::io_context loop_{1};
  HandshakeLine line_{loop_, clock_};
  std::string seen_;
};

TEST_F(HandshakeLineTest, EventsHaveTheirTurnBetweenHandshakes) {
  for (const char name : {'a', 'b', 'c', 'd', 'e'}) add(name, std::chrono::milliseconds(1));
  // Whatever is posted meanwhile stands behind two milliseconds of them, not behind all.
  asio::post(loop_, [this] { seen_ += '1'; });
  loop_.run();
  EXPECT_EQ(seen_, "ab1cde");
}

TEST_F(HandshakeLineTest, OneThatTakesLongIsFollowedByOthersThanHandshakes) {
  add('a', std::chrono::milliseconds(50));
  add('b', std::chrono::milliseconds(50));
  asio::post(loop_, [this] { seen_ += '1'; });
  loop_.run();
  EXPECT_EQ(seen_, "a1b");
}

TEST_F(HandshakeLineTest, ShortStepsDoNotWait) {
  for (int i = 0; i < 100; ++i) add('.', std::chrono::microseconds(1));
  asio::post(loop_, [this] { seen_ += '1'; });
  loop_.run();
  EXPECT_EQ(seen_, std::string(100, '.') + '1');
}

TEST_F(HandshakeLineTest, AStepMayAddTheNext) {
  line_.add([this] { add('b', std::chrono::milliseconds(5)); });
  loop_.run();
  EXPECT_EQ(seen_, "b");
}

}  // namespace
}  // namespace zws
