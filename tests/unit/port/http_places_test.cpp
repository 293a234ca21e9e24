// What strangers' plain requests may hold: in all, for each address, and given back whole.
#include "port/http_places.hpp"

#include <gtest/gtest.h>

#include <deque>

namespace zws {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

class HttpPlacesTest : public testing::Test {
 protected:
  HttpPlace& from(const std::string& address) { return open_.emplace_back(places_, address); }
  HttpCrowd enter(const std::string& address) { return from(address).enter(address); }

  HttpPlaces places_;
  std::deque<HttpPlace> open_;
};

TEST_F(HttpPlacesTest, RequestsOfOneAddressAreBoundedAndOthersStillPass) {
  for (std::size_t i = 0; i < HttpPlaces::requests_per_address_max; ++i)
    ASSERT_EQ(enter("a"), HttpCrowd::none) << i;
  EXPECT_EQ(enter("a"), HttpCrowd::address);
  EXPECT_EQ(enter("b"), HttpCrowd::none);
  open_.pop_front();
  EXPECT_EQ(enter("a"), HttpCrowd::none);
  EXPECT_EQ(enter("a"), HttpCrowd::address);
}

TEST_F(HttpPlacesTest, RequestsAreBoundedInAll) {
  for (std::size_t i = 0; i < HttpPlaces::requests_max; ++i)
    ASSERT_EQ(enter(std::to_string(i)), HttpCrowd::none);
  EXPECT_EQ(enter("other"), HttpCrowd::all);
  open_.pop_front();
  EXPECT_EQ(enter("other"), HttpCrowd::none);
}

TEST_F(HttpPlacesTest, BytesOfOneAddressAreBounded) {
  for (std::size_t i = 0; i < 16; ++i) {
    HttpPlace& place = from("a");
    place.enter("a");
    ASSERT_EQ(place.hold(mib), HttpCrowd::none) << i;
  }
  HttpPlace& late = from("a");
  late.enter("a");
  EXPECT_EQ(late.hold(mib), HttpCrowd::address);
  EXPECT_EQ(late.hold(HttpPlaces::small_bytes), HttpCrowd::none) << "what is small has room";
  EXPECT_EQ(late.hold(1), HttpCrowd::address) << "once";
  EXPECT_EQ(places_.bytes(), 16 * mib + HttpPlaces::small_bytes);
}

TEST_F(HttpPlacesTest, BytesAreBoundedInAll) {
  for (std::size_t i = 0; i < 64; ++i)
    ASSERT_EQ(from(std::to_string(i / 16)).hold(mib), HttpCrowd::none) << i;
  EXPECT_EQ(from("other").hold(mib), HttpCrowd::all);
}

TEST_F(HttpPlacesTest, AnAnswerOfAFewLinesHasRoomWhateverOthersHold) {
  for (std::size_t i = 0; i < 64; ++i) from(std::to_string(i / 16)).hold(mib);
  HttpPlace& probe = from("prober");
  EXPECT_EQ(probe.hold_answer(200), HttpCrowd::none) << "a load balancer would take the bridge out";
  EXPECT_EQ(places_.bytes(), 64 * mib + 200) << "it counts all the same";
  EXPECT_EQ(probe.hold_answer(HttpPlaces::few_lines_bytes + 1), HttpCrowd::all);
}

TEST_F(HttpPlacesTest, AnEmptyAccountTakesOneOfAnySize) {
  EXPECT_EQ(from("a").hold(100 * mib), HttpCrowd::none);
  EXPECT_EQ(from("a").hold(mib), HttpCrowd::all);
}

TEST_F(HttpPlacesTest, AHeadThatDoesNotEndCountsForWhoeverSendsIt) {
  for (std::size_t i = 0; i < 4096; ++i) ASSERT_EQ(from("a").hold(4096), HttpCrowd::none);
  EXPECT_EQ(from("a").hold(4096), HttpCrowd::address) << "it is no request in progress yet";
}

TEST_F(HttpPlacesTest, WhatWasHeldIsGivenBackAtTheEndOfAHeadAndOfAConnection) {
  HttpPlace& place = from("a");
  place.hold(4096);
  place.enter("b");
  EXPECT_EQ(places_.bytes(), 0U);
  place.hold(mib);
  EXPECT_EQ(places_.bytes(), mib);
  open_.clear();
  EXPECT_EQ(places_.bytes(), 0U);
}

}  // namespace
}  // namespace zws
