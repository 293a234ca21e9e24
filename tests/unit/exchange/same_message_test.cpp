#include "exchange/same_message.hpp"

#include <gtest/gtest.h>

#include <string>

namespace zws {
namespace {

std::string message(const std::string& data, const std::string& time) {
  return R"({"type":"message","topic":"t","data":)" + data + R"(,"timestamp":")" + time +
         R"(","@id":"p:1"})";
}

TEST(SameMessageTest, WhenABridgeHeardItMakesNoDifference) {
  EXPECT_TRUE(says_the_same(message("1", "12:00"), message("1", "13:00")));
  EXPECT_FALSE(says_the_same(message("1", "12:00"), message("2", "12:00")));
}

TEST(SameMessageTest, WhatAPayloadSaysOfTimesDoes) {
  const std::string a = R"({"type":"message","topic":"t","timestamp":"12:00","n":1,"@id":"p:1"})";
  const std::string b = R"({"type":"message","topic":"t","timestamp":"12:00","n":2,"@id":"p:1"})";
  EXPECT_TRUE(says_the_same(a, a));
  EXPECT_FALSE(says_the_same(a, b));
  EXPECT_FALSE(says_the_same(R"({"type":"n","timestamp":"1","@id":"p:1"})",
                             R"({"type":"n","timestamp":"2","@id":"p:1"})"));
}

TEST(SameMessageTest, TheTextOfAFrameBeginsBehindItsHeader) {
  EXPECT_EQ(text_in_frame("\x81\x02{}"), "{}");
  EXPECT_EQ(text_in_frame(std::string("\x81\x7e\x01\x00", 4) + std::string(256, 'x')),
            std::string(256, 'x'));
}

}  // namespace
}  // namespace zws
