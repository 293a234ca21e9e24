#include "relay/call_text.hpp"

#include <gtest/gtest.h>

namespace zws {
namespace {

CallText published(std::vector<FleetEvent> events) {
  return {
      "life-1", "web-1:8000", 1'780'000'000'000, {FleetCall::Kind::publish, std::move(events), {}}};
}

TEST(CallText, EventsArriveByteForByte) {
  const std::string odd("\0\n\"{}\xff", 6);
  const auto read = CallText::parse(published({{"a", "s-f", 4, 17, odd},
                                               {"@user/ada", "s-f", 1, 18, odd},
                                               {"b", "s", 2, 19, ""},
                                               {"@all", "s", 3, 20, "x"}})
                                        .text(),
                                    10);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->id, "life-1");
  EXPECT_EQ(read->from, "web-1:8000");
  ASSERT_EQ(read->call.events.size(), 4U);
  EXPECT_EQ(read->call.events[0].payload, odd);
  EXPECT_EQ(read->call.events[1].payload, odd);
  EXPECT_EQ(read->call.events[1].topic, "@user/ada");
  EXPECT_EQ(read->call.events[2].payload, "");
  EXPECT_EQ(read->call.events[3].seq, 3U);
  EXPECT_EQ(read->call.events[3].sent_ns, 20);
}

TEST(CallText, WhatManyAreToGetGoesOnce) {
  std::vector<FleetEvent> events;
  const std::string payload(1000, 'x');
  for (int i = 0; i < 100; ++i)
    events.push_back({"@user/" + std::to_string(i), "s", 1, 1, payload});
  const std::string text = published(events).text();
  EXPECT_LT(text.size(), 10'000U);
  EXPECT_EQ(CallText::parse(text, 1000)->call.events[99].payload, payload);
}

TEST(CallText, OthersToBeThrownOutAreNamed) {
  for (const auto kind : {FleetCall::Kind::close_client, FleetCall::Kind::close_user}) {
    const auto read = CallText::parse(CallText{"i", "n", 1, {kind, {}, "ada"}}.text(), 10);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->call.kind, kind);
    EXPECT_EQ(read->call.whom, "ada");
    EXPECT_FALSE(CallText::parse(CallText{"i", "n", 1, {kind, {}, ""}}.text(), 10));
    EXPECT_FALSE(CallText::parse(CallText{"i", "n", 1, {kind, {}, "a\n"}}.text(), 10));
  }
  EXPECT_FALSE(
      CallText::parse(CallText{"i", "n", 1, {FleetCall::Kind::close_user, {}, "a*"}}.text(), 10));
}

TEST(CallText, APayloadOverTheBoundIsNone) {
  EXPECT_TRUE(CallText::parse(published({{"a", "s", 1, 1, std::string(10, 'x')}}).text(), 10));
  EXPECT_FALSE(CallText::parse(published({{"a", "s", 1, 1, std::string(11, 'x')}}).text(), 10));
}

TEST(CallText, NoPartOfACallMayBeMissingOrCut) {
  const std::string whole = published({{"a", "s", 1, 1, "payload"}}).text();
  ASSERT_TRUE(CallText::parse(whole, 100));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(CallText::parse(whole.substr(0, size), 100)) << size;
  EXPECT_FALSE(CallText::parse(whole + 'x', 100));
}

TEST(CallText, AnotherVersionOrKindIsNotGuessedAt) {
  EXPECT_FALSE(CallText::parse(
      "{\"v\":2,\"id\":\"i\",\"from\":\"n\",\"sent_ms\":1,\"call\":\"totals\"}\n", 9));
  EXPECT_FALSE(CallText::parse(
      "{\"v\":1,\"id\":\"i\",\"from\":\"n\",\"sent_ms\":1,\"call\":\"halt\"}\n", 9));
  EXPECT_TRUE(CallText::parse(
      "{\"v\":1,\"id\":\"i\",\"from\":\"n\",\"sent_ms\":1,\"call\":\"totals\",\"x\":[]}\n", 9));
}

TEST(AnswerText, AnAnswerIsReadAsItWasMeant) {
  const auto read = AnswerText::parse(AnswerText{"i", "n", {7, R"({"connections":3})"}}.text());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->answer.reached, 7U);
  EXPECT_EQ(read->answer.totals, R"({"connections":3})");
  EXPECT_EQ(AnswerText::parse(AnswerText{"i", "n", {0, {}}}.text())->answer.totals, "");
}

TEST(AnswerText, GarbageIsNone) {
  for (const char* text : {"", "x", "{}", "[]", R"({"v":1,"id":"i","from":"n"})",
                           R"({"v":1,"id":"i","from":"n","reached":-1})",
                           R"({"v":1,"id":"i i","from":"n","reached":1})",
                           R"({"v":1,"id":"i","from":"","reached":1})"})
    EXPECT_FALSE(AnswerText::parse(text)) << text;
}

}  // namespace
}  // namespace zws
