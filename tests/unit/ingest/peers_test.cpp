// Who is connected, from the events of a monitor; and what libzmq has stopped trying to reach.
#include "ingest/peers.hpp"

#include <gmock/gmock.h>

namespace zws {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using End = Peers::End;

constexpr std::chrono::seconds second{1};

class PeersTest : public testing::Test {
 protected:
  End end(int descriptor) { return peers_.ended(descriptor, now_); }
  std::vector<std::string> given_up_after(std::chrono::seconds time) {
    now_ += time;
    return peers_.given_up(now_);
  }

  Peers peers_;
  SteadyTime now_{};
};

TEST_F(PeersTest, ProducerComesAndLeaves) {
  peers_.began(7);
  EXPECT_EQ(peers_.producers(), 0u);
  peers_.succeeded();
  EXPECT_EQ(peers_.producers(), 1u);
  EXPECT_EQ(end(7), End::left);
  EXPECT_EQ(peers_.producers(), 0u);
}

TEST_F(PeersTest, ANumberIsNeverGivenTwice) {
  Peers others;
  peers_.began(7);
  others.began(7);
  const std::uint64_t first = peers_.number(7);
  EXPECT_NE(first, others.number(7));
  end(7);
  EXPECT_EQ(peers_.number(7), 0U);
  peers_.began(7);
  EXPECT_GT(peers_.number(7), first);
}

TEST_F(PeersTest, FailedHandshakeTakesNoProducerAway) {
  peers_.began(7);
  peers_.succeeded();
  peers_.began(8);
  peers_.failed();
  EXPECT_EQ(end(8), End::failed);
  EXPECT_EQ(peers_.producers(), 1u);
}

TEST_F(PeersTest, HandshakeThatEndsWithoutAWordIsSilent) {
  peers_.began(7);
  EXPECT_EQ(end(7), End::silent);
}

TEST_F(PeersTest, SuccessIsNotGivenToAStrangerWhoWaits) {
  peers_.began(7);
  peers_.began(8);
  peers_.succeeded();
  EXPECT_EQ(end(8), End::left);
  EXPECT_EQ(end(7), End::silent);
}

TEST_F(PeersTest, ConnectionFromBeforeTheMonitorIsNobody) {
  EXPECT_EQ(end(7), End::failed);
  peers_.succeeded();
  EXPECT_EQ(peers_.producers(), 0u);
}

TEST_F(PeersTest, DescriptorIsUsedAgain) {
  for (int round = 0; round < 3; ++round) {
    peers_.began(7);
    peers_.succeeded();
    EXPECT_EQ(end(7), End::left);
  }
}

TEST_F(PeersTest, SuccessOfAnotherIsNotTakenFromItByAHandshakeThatFailed) {
  peers_.began(7);
  peers_.began(8);
  peers_.succeeded();  // it was 7
  peers_.failed();     // and this is 8
  EXPECT_EQ(end(8), End::failed);
  EXPECT_EQ(peers_.producers(), 1u);
  EXPECT_EQ(end(7), End::left);
  EXPECT_EQ(peers_.producers(), 0u);
}

TEST_F(PeersTest, ProducerThatLeavesBesideAFailedHandshakeIsCountedInTheEnd) {
  peers_.began(7);
  peers_.succeeded();
  peers_.began(8);
  peers_.failed();  // 8, but 7 ends first
  EXPECT_EQ(end(7), End::failed) << "which was which is not to be known";
  EXPECT_EQ(end(8), End::left);
  EXPECT_EQ(peers_.producers(), 0u);
}

TEST_F(PeersTest, EndpointThatIsNotTriedAgainIsGivenUpOnce) {
  peers_.began(7, "tcp://producer:5557");
  peers_.succeeded();
  end(7);
  EXPECT_THAT(given_up_after(0 * second), IsEmpty());
  EXPECT_THAT(given_up_after(1 * second), ElementsAre("tcp://producer:5557"));
  EXPECT_THAT(given_up_after(9 * second), IsEmpty());
}

TEST_F(PeersTest, EndpointThatIsTriedAgainIsNot) {
  peers_.began(7, "tcp://producer:5557");
  end(7);
  peers_.tries_again("tcp://producer:5557");
  EXPECT_THAT(given_up_after(9 * second), IsEmpty());
}

TEST_F(PeersTest, TryOfOneEndpointIsNoneOfAnother) {
  peers_.began(7, "tcp://10.0.0.6:5557");
  peers_.began(8, "tcp://10.0.0.7:5557");
  end(7);
  end(8);
  peers_.tries_again("tcp://10.0.0.7:5557");
  EXPECT_THAT(given_up_after(9 * second), ElementsAre("tcp://10.0.0.6:5557"));
}

TEST_F(PeersTest, PeerThatCameByItselfIsNotDialled) {
  peers_.began(7);
  end(7);
  EXPECT_THAT(given_up_after(9 * second), IsEmpty());
}

TEST_F(PeersTest, TryOfOneEndpointIsNoneOfItsNeighbourAtTheSamePort) {
  peers_.began(7, "tcp://127.0.0.1:5557");
  end(7);
  peers_.tries_again("tcp://[::1]:5557");
  EXPECT_THAT(given_up_after(9 * second), ElementsAre("tcp://127.0.0.1:5557"));
}

TEST_F(PeersTest, SuccessIsGivenToTheEndpointThatItNames) {
  peers_.began(7, "tcp://127.0.0.1:5557");
  peers_.began(8, "tcp://127.0.0.1:5558");
  peers_.began(9);
  peers_.succeeded("tcp://127.0.0.1:5557");
  EXPECT_THAT(peers_.reached(), ElementsAre("tcp://127.0.0.1:5557"));
  peers_.succeeded("tcp://127.0.0.1:5556");  // our own: somebody has come
  EXPECT_THAT(peers_.reached(), ElementsAre("tcp://127.0.0.1:5557"));
  EXPECT_EQ(peers_.producers(), 2u);
  EXPECT_EQ(end(8), End::silent);
}

TEST_F(PeersTest, StrangersAreWhoIsNobodyYetTheOldestFirst) {
  EXPECT_THAT(peers_.strangers({}), IsEmpty());
  peers_.began(9);
  peers_.began(8);
  peers_.began(7, "tcp://127.0.0.1:5557");
  EXPECT_THAT(peers_.strangers({}), ElementsAre(9, 8));
  EXPECT_THAT(peers_.strangers({9}), ElementsAre(8));
  peers_.succeeded();
  EXPECT_THAT(peers_.strangers({9}), IsEmpty());
}

TEST_F(PeersTest, SuccessIsNotGivenToAStrangerWhoCannotHaveIt) {
  Peers peers([](int descriptor) { return descriptor < 100; });
  peers.began(6);
  peers.began(7);
  for (int silent = 100; silent < 150; ++silent) peers.began(silent);
  peers.succeeded();
  EXPECT_THAT(peers.strangers({}), testing::SizeIs(51));
  EXPECT_EQ(peers.ended(7, now_), End::left);
  EXPECT_EQ(peers.ended(6, now_), End::silent);
}

TEST_F(PeersTest, OfACrowdThatCannotHaveSucceededTheYoungestHas) {
  std::size_t asked = 0;
  Peers peers([&asked](int) { return ++asked == 0; });
  for (int silent = 0; silent < 1000; ++silent) peers.began(silent);
  peers.succeeded();
  EXPECT_EQ(asked, 100U) << "each costs a system call";
  EXPECT_EQ(peers.ended(999, now_), End::left);
}

TEST_F(PeersTest, WhoIsHeardIsAProducerWhoeverWasTakenForIt) {
  peers_.began(7);
  peers_.began(8);
  peers_.succeeded();  // it was 7
  EXPECT_TRUE(peers_.heard(7));
  EXPECT_FALSE(peers_.heard(7));
  EXPECT_FALSE(peers_.heard(8));
  EXPECT_FALSE(peers_.heard(9));
  EXPECT_EQ(peers_.producers(), 2U);
  EXPECT_THAT(peers_.strangers({}), IsEmpty());
  EXPECT_EQ(end(7), End::left);
  EXPECT_EQ(end(8), End::left);
  EXPECT_EQ(peers_.producers(), 0U);
}

TEST_F(PeersTest, WhoWasHeardIsNotTakenForAHandshakeThatFailed) {
  peers_.began(7);
  peers_.succeeded();
  peers_.heard(7);
  peers_.began(8);
  peers_.failed();  // 8, but 7 ends first
  EXPECT_EQ(end(7), End::left);
  EXPECT_EQ(end(8), End::failed);
}

TEST_F(PeersTest, WhoIsHeardWithoutAHandshakeLeavesThoughItsEndIsCalledAFailure) {
  peers_.began(7);
  EXPECT_TRUE(peers_.heard(7));  // in ZMTP 2
  peers_.failed();
  EXPECT_EQ(end(7), End::left);
  peers_.began(7);
  EXPECT_EQ(end(7), End::silent) << "nothing has failed";
}

}  // namespace
}  // namespace zws
