#include "tapped.hpp"

#include <gtest/gtest.h>

namespace zws::tool {
namespace {

std::string json_of(const std::vector<std::string>& frames) { return tapped_json(tapped(frames)); }

TEST(TappedTest, FramesAreReadAsTheBridgeReadsThem) {
  EXPECT_EQ(json_of({"a", "{\"x\":\n1}"}), R"({"topic":"a","payload":{"x": 1}})");
  EXPECT_EQ(json_of({"a", "text"}), R"({"topic":"a","payload":"text"})");
  EXPECT_EQ(json_of({"a", ""}), R"({"topic":"a","payload":""})");
  EXPECT_EQ(json_of({"a", std::string("\xff\x00", 2)}),
            R"({"topic":"a","payload":"/wA=","encoding":"base64"})");
  EXPECT_EQ(json_of({"a", "1", R"({"src":"s","seq":1})"}),
            R"({"topic":"a","payload":1,"header":{"src":"s","seq":1}})");
  EXPECT_EQ(json_of({"a", "1", "counter"}), R"({"topic":"a","payload":1,"header":"counter"})");
  EXPECT_EQ(json_of({"temperature 21.5 C"}), R"({"topic":"temperature","payload":"21.5 C"})");
}

TEST(TappedTest, WhatABridgeWouldRefuseIsSaid) {
  EXPECT_EQ(tapped({"nospace"}).fault, "no payload");
  EXPECT_EQ(tapped({"", "x"}).fault, "topic_empty");
  EXPECT_EQ(tapped({"a*", "x"}).fault, "topic_wildcard");
  EXPECT_EQ(tapped({"@else", "x"}).fault, "topic_reserved");
  EXPECT_EQ(tapped({"@all", "x"}).fault, "");
  EXPECT_EQ(json_of({"\xff", "x"}),
            "{\"topic\":\"\xef\xbf\xbd\",\"payload\":\"x\",\"fault\":\"topic_not_utf8\"}");
}

}  // namespace
}  // namespace zws::tool
