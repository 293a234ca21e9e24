// Over which connection a message came, where descriptors are used again while messages wait.
#include "ingest/connections.hpp"

#include <gmock/gmock.h>

#include <map>
#include <string>
#include <vector>

namespace zws {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class ConnectionsTest : public testing::Test, public Sink {
 protected:
  void accept(const Arrival*, std::size_t) noexcept override {}
  void opened(std::uint64_t number) noexcept override { opened_now.push_back(number); }
  void ended(std::uint64_t number) noexcept override { ended_now.push_back(number); }

  std::map<int, std::uint64_t> peers;  // by descriptor, as a monitor has seen them
  unsigned asked = 0;
  Connections connections{*this, [this](int descriptor) {
                            ++asked;
                            const auto found = peers.find(descriptor);
                            return found == peers.end() ? 0 : found->second;
                          }};
  std::vector<std::uint64_t> opened_now;
  std::vector<std::uint64_t> ended_now;
};

TEST_F(ConnectionsTest, IsLookedUpOnceForEachConnection) {
  const std::string seven = "7";
  const std::string eight = "8";
  peers = {{7, 1}, {8, 2}};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(connections.of(seven.c_str()), 1U);
    EXPECT_EQ(connections.of(eight.c_str()), 2U);
  }
  EXPECT_EQ(asked, 2U);
  EXPECT_THAT(opened_now, ElementsAre(1, 2));
}

TEST_F(ConnectionsTest, AMessageThatIsNotOfANetworkHasNone) {
  EXPECT_EQ(connections.of(nullptr), Arrival::no_connection);
  zmq::message_t message(1);
  EXPECT_EQ(connections.of(message), Arrival::no_connection);
  EXPECT_THAT(opened_now, IsEmpty());
}

TEST_F(ConnectionsTest, AnEndIsToldWhenNothingWaitsAnyMore) {
  const std::string seven = "7";
  peers = {{7, 1}};
  connections.of(seven.c_str());
  peers.clear();
  connections.ended(1);
  EXPECT_EQ(connections.of(seven.c_str()), 1U) << "a message of it that waited";
  EXPECT_THAT(ended_now, IsEmpty());
  connections.nothing_waits();
  EXPECT_THAT(ended_now, ElementsAre(1));
  EXPECT_EQ(connections.of(seven.c_str()), Arrival::over) << "and one that came too late";
}

TEST_F(ConnectionsTest, WhatWaitsOfOneIsNotTakenForTheNextWithItsDescriptor) {
  const std::string before = "7";
  const std::string next = "7";
  peers = {{7, 1}};
  connections.of(before.c_str());
  peers = {{7, 2}};
  connections.ended(1);
  EXPECT_EQ(connections.of(next.c_str()), 2U);
  EXPECT_EQ(connections.of(before.c_str()), 1U);
  connections.nothing_waits();
  EXPECT_THAT(ended_now, ElementsAre(1));
  EXPECT_EQ(connections.of(next.c_str()), 2U);
}

TEST_F(ConnectionsTest, WhoeverNeverSentAnythingEndsUnseen) {
  connections.ended(1);
  connections.nothing_waits();
  EXPECT_THAT(ended_now, IsEmpty());
}

TEST_F(ConnectionsTest, WhereSomethingAlwaysWaitsAnEndIsToldAfterASecond) {
  const std::string seven = "7";
  peers = {{7, 1}};
  connections.of(seven.c_str());
  connections.ended(1);
  for (int look = 0; look < 10; ++look) connections.note_look();
  EXPECT_THAT(ended_now, IsEmpty());
  connections.note_look();
  EXPECT_THAT(ended_now, ElementsAre(1));
}

TEST_F(ConnectionsTest, AllEndWithTheirSocket) {
  const std::string seven = "7";
  const std::string eight = "8";
  peers = {{7, 1}, {8, 2}};
  connections.of(seven.c_str());
  connections.of(eight.c_str());
  connections.all_ended();
  EXPECT_THAT(ended_now, UnorderedElementsAre(1, 2));
}

}  // namespace
}  // namespace zws
