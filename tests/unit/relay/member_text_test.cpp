#include "relay/member_text.hpp"

#include <gtest/gtest.h>

namespace zws {
namespace {

MemberText told() {
  return {{"web-1:8000", "0.1.0", "127.0.0.1:8000", 7, "2026-07-01T12:00:00.000Z", 3, "ready"},
          "a-life",
          17};
}

TEST(MemberText, WhatABridgeTellsOfItselfIsReadAsItWasMeant) {
  const auto read = MemberText::parse(told().text());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->text(), told().text());
  EXPECT_EQ(read->life, "a-life");
  EXPECT_EQ(read->beat, 17U);
  EXPECT_EQ(read->member.clients, 7U);
  EXPECT_EQ(read->member.lag_ms, 3U);
}

TEST(MemberText, ALaterVersionMayTellMore) {
  const auto read = MemberText::parse(R"({"life":"x","name":"n","zone":{"of":"it"}})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->member.name, "n");
  EXPECT_FALSE(read->member.lag_ms);
}

TEST(MemberText, GarbageIsNoBridge) {
  std::string deep = R"({"life":"x","name":"n","a":)";
  deep.append(100'000, '[');
  const std::string long_name = R"({"life":"x","name":")" + std::string(5000, 'n') + "\"}";
  const std::string faulty[] = {"",
                                "x",
                                "[]",
                                "{}",
                                "null",
                                "{\"name\":",
                                "\xff\xfe",
                                deep,
                                long_name,
                                R"({"life":"x"})",
                                R"({"name":"n"})",
                                R"({"life":1,"name":"n"})"};
  for (const std::string& text : faulty)
    EXPECT_FALSE(MemberText::parse(text)) << text.substr(0, 40);
}

TEST(MemberText, MembersOfAWrongTypeAreAsGoodAsAbsent) {
  const auto read = MemberText::parse(
      R"({"life":"x","name":"n","clients":-1,"lag_ms":"soon","beat":1.5,"state":null})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->member.clients, 0U);
  EXPECT_EQ(read->beat, 0U);
  EXPECT_EQ(read->member.state, "");
}

}  // namespace
}  // namespace zws
