// A look at all clients of a lane leaves the lane to them in between.
#include "api/session_walk.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/api/hand_clock.hpp"

namespace zws {
namespace {

using testing::Each;
using testing::Lt;
using testing::UnorderedElementsAreArray;

struct Client {
  struct Place {
    std::uint64_t ticket;
  };

  Place place;
  bool gone = false;

  bool left() const noexcept { return gone; }
};

class SessionWalkTest : public testing::Test {
 protected:
  SessionWalkTest() {
    for (std::uint64_t i = 0; i < 1000; ++i) clients_.push_back({{i}});
    for (Client& client : clients_) sessions_.push_back(&client);
  }

  // True if there are more. Each client takes a twentieth of a millisecond.
  bool step() {
    Slice slice(clock_);
    const std::size_t before = met_.size();
    const bool more = walk_.some(sessions_, slice, [this](const Client& client) {
      met_.push_back(client.place.ticket);
      clock_.advance(std::chrono::microseconds(50));
    });
    at_once_.push_back(met_.size() - before);
    return more;
  }

  // As a lane takes out who leaves.
  void leave(std::size_t place) {
    sessions_[place] = sessions_.back();
    sessions_.pop_back();
  }

  HandClock clock_;
  std::vector<Client> clients_;
  std::vector<Client*> sessions_;
  SessionWalk walk_;
  std::vector<std::uint64_t> met_;
  std::vector<std::size_t> at_once_;
};

TEST_F(SessionWalkTest, ASliceIsAboutAMillisecondHoweverManyThereAre) {
  while (step()) {
  }
  EXPECT_EQ(met_.size(), 1000U);
  EXPECT_THAT(at_once_, Each(Lt(32U)));
}

TEST_F(SessionWalkTest, WhoStaysIsMetOnceThoughOthersComeAndGoMeanwhile) {
  std::vector<std::uint64_t> stay;
  for (std::uint64_t i = 0; i < 1000; ++i) stay.push_back(i);
  stay.erase(stay.begin() + 10);
  std::vector<Client> late{{2000}, {2001}};
  while (step()) {
    if (sessions_.size() == 1000) {
      leave(10);  // which moves one that was met to where it is met again
      for (Client& client : late) sessions_.push_back(&client);
    }
  }
  EXPECT_THAT(met_, UnorderedElementsAreArray(stay));
}

TEST_F(SessionWalkTest, WhoIsAsGoodAsGoneIsNotMet) {
  for (std::size_t i = 3; i < clients_.size(); ++i) clients_[i].gone = true;
  while (step()) {
  }
  EXPECT_THAT(met_, UnorderedElementsAreArray({0, 1, 2}));
}

}  // namespace
}  // namespace zws
