// Over which connection a message came, where descriptors are used again while messages wait.
#include "ingest/origins.hpp"

#include <gmock/gmock.h>

#include <map>
#include <string>
#include <vector>

namespace zws {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class OriginsTest : public testing::Test, public Sink {
 protected:
  void accept(const Arrival*, std::size_t) noexcept override {}
  void opened(std::uint64_t number) noexcept override { opened_now.push_back(number); }
  void ended(std::uint64_t number) noexcept override { ended_now.push_back(number); }

  std::map<int, std::uint64_t> peers;  // by descriptor, as a monitor has seen them
  unsigned asked = 0;
  Origins origins{*this, [this](int descriptor) {
                    ++asked;
                    const auto found = peers.find(descriptor);
                    return found == peers.end() ? 0 : found->second;
                  }};
  std::vector<std::uint64_t> opened_now;
  std::vector<std::uint64_t> ended_now;
};

TEST_F(OriginsTest, IsLookedUpOnceForEachConnection) {
  const std::string seven = "7";
  const std::string eight = "8";
  peers = {{7, 1}, {8, 2}};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(origins.of(seven.c_str()), 1U);
    EXPECT_EQ(origins.of(eight.c_str()), 2U);
  }
  EXPECT_EQ(asked, 2U);
  EXPECT_THAT(opened_now, ElementsAre(1, 2));
}

TEST_F(OriginsTest, AMessageThatIsNotOfANetworkHasNone) {
  EXPECT_EQ(origins.of(nullptr), Arrival::no_connection);
  zmq::message_t message(1);
  EXPECT_EQ(origins.of(message), Arrival::no_connection);
  EXPECT_THAT(opened_now, IsEmpty());
}

TEST_F(OriginsTest, AnEndIsToldWhenNothingWaitsAnyMore) {
  const std::string seven = "7";
  peers = {{7, 1}};
  origins.of(seven.c_str());
  peers.clear();
  origins.ended(1);
  EXPECT_EQ(origins.of(seven.c_str()), 1U) << "a message of it that waited";
  EXPECT_THAT(ended_now, IsEmpty());
  origins.nothing_waits();
  EXPECT_THAT(ended_now, ElementsAre(1));
  EXPECT_EQ(origins.of(seven.c_str()), Arrival::over) << "and one that came too late";
}

TEST_F(OriginsTest, WhatWaitsOfOneIsNotTakenForTheNextWithItsDescriptor) {
  const std::string before = "7";
  const std::string next = "7";
  peers = {{7, 1}};
  origins.of(before.c_str());
  peers = {{7, 2}};
  origins.ended(1);
  EXPECT_EQ(origins.of(next.c_str()), 2U);
  EXPECT_EQ(origins.of(before.c_str()), 1U);
  origins.nothing_waits();
  EXPECT_THAT(ended_now, ElementsAre(1));
  EXPECT_EQ(origins.of(next.c_str()), 2U);
}

TEST_F(OriginsTest, WhoeverNeverSentAnythingEndsUnseen) {
  origins.ended(1);
  origins.nothing_waits();
  EXPECT_THAT(ended_now, IsEmpty());
}

TEST_F(OriginsTest, WhereSomethingAlwaysWaitsAnEndIsToldAfterASecond) {
  const std::string seven = "7";
  peers = {{7, 1}};
  origins.of(seven.c_str());
  origins.ended(1);
  for (int look = 0; look < 10; ++look) origins.note_look();
  EXPECT_THAT(ended_now, IsEmpty());
  origins.note_look();
  EXPECT_THAT(ended_now, ElementsAre(1));
}

TEST_F(OriginsTest, AllEndWithTheirSocket) {
  const std::string seven = "7";
  const std::string eight = "8";
  peers = {{7, 1}, {8, 2}};
  origins.of(seven.c_str());
  origins.of(eight.c_str());
  origins.all_ended();
  EXPECT_THAT(ended_now, UnorderedElementsAre(1, 2));
}

}  // namespace
}  // namespace zws
