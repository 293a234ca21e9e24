// Over which connection a message came, where descriptors are used again while messages wait.
#include "ingest/senders.hpp"

#include <gmock/gmock.h>

#include <map>
#include <string>
#include <vector>
#include <zmq.hpp>

namespace zws {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class SendersTest : public testing::Test, public Sink {
 protected:
  void accept(const Arrival*, std::size_t) noexcept override {}
  void opened(std::uint64_t number) noexcept override { opened_now.push_back(number); }
  void ended(std::uint64_t number) noexcept override { ended_now.push_back(number); }

  std::map<int, std::uint64_t> peers;  // by descriptor, as a monitor has seen them
  unsigned asked = 0;
  Senders senders{*this, [this](int descriptor) {
                    ++asked;
                    const auto found = peers.find(descriptor);
                    return found == peers.end() ? 0 : found->second;
                  }};
  std::vector<std::uint64_t> opened_now;
  std::vector<std::uint64_t> ended_now;
};

TEST_F(SendersTest, IsLookedUpOnceForEachConnection) {
  const std::string seven = "7";
  const std::string eight = "8";
  peers = {{7, 1}, {8, 2}};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(senders.of(seven.c_str()), 1U);
    EXPECT_EQ(senders.of(eight.c_str()), 2U);
  }
  EXPECT_EQ(asked, 2U);
  EXPECT_THAT(opened_now, ElementsAre(1, 2));
}

TEST_F(SendersTest, AMessageThatIsNotOfANetworkHasNone) {
  EXPECT_EQ(senders.of(nullptr), Arrival::no_connection);
  zmq::message_t message(1);
  EXPECT_EQ(senders.of(message), Arrival::no_connection);
  EXPECT_THAT(opened_now, IsEmpty());
}

TEST_F(SendersTest, AnEndIsToldWhenNothingWaitsAnyMore) {
  const std::string seven = "7";
  peers = {{7, 1}};
  senders.of(seven.c_str());
  peers.clear();
  senders.ended(1);
  EXPECT_EQ(senders.of(seven.c_str()), 1U) << "a message of it that waited";
  EXPECT_THAT(ended_now, IsEmpty());
  senders.nothing_waits();
  EXPECT_THAT(ended_now, ElementsAre(1));
  EXPECT_EQ(senders.of(seven.c_str()), Arrival::over) << "and one that came too late";
}

TEST_F(SendersTest, WhatWaitsOfOneIsNotTakenForTheNextWithItsDescriptor) {
  const std::string before = "7";
  const std::string next = "7";
  peers = {{7, 1}};
  senders.of(before.c_str());
  peers = {{7, 2}};
  senders.ended(1);
  EXPECT_EQ(senders.of(next.c_str()), 2U);
  EXPECT_EQ(senders.of(before.c_str()), 1U);
  senders.nothing_waits();
  EXPECT_THAT(ended_now, ElementsAre(1));
  EXPECT_EQ(senders.of(next.c_str()), 2U);
}

// libzmq gives the memory of a connection's properties to the next one's, before it has been told of the end.
class SendersInTurnTest : public SendersTest {
 protected:
  // Each connects, sends these, and leaves.
  void expect_told_apart(const std::vector<std::string>& messages) {
    zmq::context_t context(1);
    zmq::socket_t receiver(context, zmq::socket_type::pull);
    receiver.set(zmq::sockopt::rcvtimeo, 10'000);
    receiver.bind("tcp://127.0.0.1:*");
    const std::string endpoint = receiver.get(zmq::sockopt::last_endpoint);
    std::uint64_t met = 0;
    Senders real(*this, [&met](int) { return ++met; });
    for (std::uint64_t number = 1; number <= 50; ++number) {
      zmq::socket_t sender(context, zmq::socket_type::push);
      sender.connect(endpoint);
      for (const std::string& sent : messages) {
        sender.send(zmq::buffer(sent), zmq::send_flags::none);
        zmq::message_t message;
        ASSERT_TRUE(receiver.recv(message));
        EXPECT_EQ(real.of(message), number);
      }
    }
    for (std::uint64_t number = 1; number <= 50; ++number) real.ended(number);
    real.nothing_waits();
    EXPECT_THAT(ended_now, testing::SizeIs(50));
  }
};

TEST_F(SendersInTurnTest, NoneIsTakenForOneWhoseEndWasNotToldYet) { expect_told_apart({"topic"}); }

TEST_F(SendersInTurnTest, NorWhereTheFirstMessageIsTooLargeToBeKept) {
  expect_told_apart({std::string(100'000, 'x'), "topic"});
}

TEST_F(SendersTest, WhoeverNeverSentAnythingEndsUnseen) {
  senders.ended(1);
  senders.nothing_waits();
  EXPECT_THAT(ended_now, IsEmpty());
}

TEST_F(SendersTest, WhereSomethingAlwaysWaitsAnEndIsToldAfterASecond) {
  const std::string seven = "7";
  peers = {{7, 1}};
  senders.of(seven.c_str());
  senders.ended(1);
  for (int look = 0; look < 10; ++look) senders.note_look();
  EXPECT_THAT(ended_now, IsEmpty());
  senders.note_look();
  EXPECT_THAT(ended_now, ElementsAre(1));

  const std::string eight = "8";
  peers = {{8, 2}};
  senders.of(eight.c_str());
  senders.ended(2);
  for (int look = 0; look < 10; ++look) senders.note_look();
  EXPECT_THAT(ended_now, ElementsAre(1)) << "the next has its own second";
  senders.note_look();
  EXPECT_THAT(ended_now, ElementsAre(1, 2));
}

TEST_F(SendersTest, AllEndWithTheirSocket) {
  const std::string seven = "7";
  const std::string eight = "8";
  peers = {{7, 1}, {8, 2}};
  senders.of(seven.c_str());
  senders.of(eight.c_str());
  senders.all_ended();
  EXPECT_THAT(ended_now, UnorderedElementsAre(1, 2));
  senders.all_ended();
  EXPECT_THAT(ended_now, UnorderedElementsAre(1, 2)) << "each once, and then it is forgotten";
}

}  // namespace
}  // namespace zws
