// What clients may say (docs/CLIENTS.md), and the words of refusals.
#include "client/client_protocol.hpp"

#include <gmock/gmock.h>

namespace zws {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Request request(std::string_view message) {
  ParsedRequest parsed = parse_request(message);
  EXPECT_EQ(parsed.refusal.code, ErrorCode::none) << message << ": " << parsed.refusal.message;
  return parsed.request.value_or(Request{});
}

Refusal refusal(std::string_view message) {
  ParsedRequest parsed = parse_request(message);
  if (parsed.request) return parsed.request->fault;  // which the answer to each topic tells
  EXPECT_FALSE(parsed.refusal.message.empty()) << message;
  return parsed.refusal;
}

TEST(ClientProtocolTest, ReadsEachKindOfRequest) {
  EXPECT_EQ(request(R"({"type":"ping"})").type, RequestType::ping);
  EXPECT_EQ(request(R"({"type":"get_stats","more":1})").type, RequestType::get_stats);
  const Request auth = request(R"({"type":"auth","token":"j.w.t"})");
  EXPECT_EQ(auth.type, RequestType::auth);
  EXPECT_EQ(auth.token, "j.w.t");
  const Request leave = request(R"({"type":"unsubscribe","topic":"a"})");
  EXPECT_EQ(leave.type, RequestType::unsubscribe);
  EXPECT_THAT(leave.topics, ElementsAre("a"));
  const Request fetch = request(R"({"type":"fetch","topic":"a","src":"s-1","from":2,"to":9})");
  EXPECT_EQ(fetch.type, RequestType::fetch);
  EXPECT_THAT(fetch.topics, ElementsAre("a"));
  EXPECT_EQ(fetch.source, "s-1");
  EXPECT_EQ(fetch.from, 2U);
  EXPECT_EQ(fetch.to, 9U);
  EXPECT_FALSE(fetch.last);
  EXPECT_EQ(request(R"({"type":"fetch","topic":"a*","last":3})").last, 3U);
  const Request one = request(R"({"type":"fetch","topic":"a","src":"s-1","from":7,"to":7})");
  EXPECT_EQ(one.fault.code, ErrorCode::none) << "most gaps are of one event";
}

TEST(ClientProtocolTest, ReadsOneTopicOrMany) {
  const Request one = request(R"({"type":"subscribe","topic":"import:*"})");
  EXPECT_EQ(one.type, RequestType::subscribe);
  EXPECT_THAT(one.topics, ElementsAre("import:*"));
  EXPECT_FALSE(one.since);
  EXPECT_FALSE(one.last);
  EXPECT_THAT(request(R"({"type":"subscribe","topics":["b","a","b"]})").topics,
              ElementsAre("b", "a"))
      << "each once";
  // What a topic may be called is not the protocol's affair.
  EXPECT_THAT(request(R"({"type":"subscribe","topic":""})").topics, ElementsAre(""));
}

TEST(ClientProtocolTest, ReadsSinceAsAPositionAListOrAnObject) {
  const Position first{"a", 7};
  const Position second{"b", 0};
  EXPECT_THAT(request(R"({"type":"subscribe","topic":"t","since":"a:7"})").since->positions,
              ElementsAre(first));
  EXPECT_THAT(request(R"({"type":"subscribe","topic":"t","since":["a:7","b:0"]})").since->positions,
              ElementsAre(first, second));
  EXPECT_THAT(request(R"({"type":"subscribe","topic":"t","since":[]})").since->positions,
              IsEmpty());
  const Since by_topic =
      *request(R"({"type":"subscribe","topic":"t*","since":{"t1":["a:7"],"t2":"b:0"}})").since;
  ASSERT_TRUE(by_topic.by_topic);
  ASSERT_EQ(by_topic.topics.size(), 2U);
  EXPECT_EQ(by_topic.topics[0].topic, "t1");
  EXPECT_THAT(by_topic.topics[0].positions, ElementsAre(first));
  EXPECT_THAT(by_topic.topics[1].positions, ElementsAre(second));
}

TEST(ClientProtocolTest, ReadsLast) {
  EXPECT_EQ(request(R"({"type":"subscribe","topic":"t","last":0})").last, 0U);
  EXPECT_EQ(request(R"({"type":"subscribe","topic":"t","last":100})").last, 100U);
}

TEST(ClientProtocolTest, AnIdComesBackAsItWas) {
  EXPECT_EQ(request(R"({"type":"ping"})").id, "");
  EXPECT_EQ(request(R"({"type":"ping","id":"x\"y"})").id, R"("x\"y")");
  EXPECT_EQ(request(R"({"type":"ping","id":7})").id, "7");
  EXPECT_EQ(request(R"({"type":"ping","id":-1.5})").id, "-1.5");
  EXPECT_EQ(refusal(R"({"type":"dance","id":"a"})").id, R"("a")");
  EXPECT_EQ(refusal(R"({"type":"subscribe","id":4})").id, "4");
  for (const char* id : {"true", "[1]", "{}"})
    EXPECT_EQ(refusal(std::string(R"({"type":"ping","id":)") + id + '}').code,
              ErrorCode::invalid_message);
}

// It comes back with each topic of a request, so a long one would be multiplied.
TEST(ClientProtocolTest, ALongIdIsRefusedAndNotRepeated) {
  const auto ping = [](const std::string& id) { return R"({"type":"ping","id":")" + id + "\"}"; };
  EXPECT_EQ(request(ping(std::string(128, 'x'))).id.size(), 130U);
  const Refusal refused = refusal(ping(std::string(129, 'x')));
  EXPECT_EQ(refused.code, ErrorCode::invalid_message);
  EXPECT_THAT(refused.id, IsEmpty());
}

TEST(ClientProtocolTest, AMemberThatIsNullIsAbsent) {
  const Request asked = request(
      R"({"type":"subscribe","topic":null,"topics":["a"],"since":null,"last":null,"id":null})");
  EXPECT_THAT(asked.topics, ElementsAre("a"));
  EXPECT_FALSE(asked.since);
  EXPECT_FALSE(asked.last);
  EXPECT_THAT(asked.id, IsEmpty());
  EXPECT_EQ(refusal(R"({"type":null})").code, ErrorCode::invalid_message);
  EXPECT_EQ(refusal(R"({"type":"subscribe","topic":null})").code, ErrorCode::invalid_message);
}

TEST(ClientProtocolTest, AnIntegerMayBeWrittenWithAPoint) {
  EXPECT_EQ(request(R"({"type":"subscribe","topic":"a","last":10.0})").last, 10U);
  EXPECT_EQ(request(R"({"type":"subscribe","topic":"a","last":1e3})").last, 1000U);
  for (const char* number : {"10.5", "-1.0", "1e300", "-1e300"}) {
    const std::string message =
        R"({"type":"subscribe","topic":"a","last":)" + std::string(number) + "}";
    EXPECT_EQ(refusal(message).code, ErrorCode::invalid_message) << number;
  }
}

TEST(ClientProtocolTest, WhatIsNotJsonIsSaidToBe) {
  for (const char* text : {"", " ", "{", "ping", R"({"type":"ping"} x)", R"({"type":"ping",})",
                           R"({'type':'ping'})", "\"\xFF\"", "\xEF\xBB\xBF"})
    EXPECT_EQ(refusal(text).code, ErrorCode::invalid_json) << text;
  const std::string_view behind_a_nul("{\"type\":\"ping\"}\0more", 20);
  EXPECT_EQ(refusal(behind_a_nul).code, ErrorCode::invalid_json);
}

TEST(ClientProtocolTest, JsonDeeperThan32IsNotParsed) {
  const auto nested = [](std::size_t levels) {
    return R"({"type":"ping","x":)" + std::string(levels - 1, '[') + std::string(levels - 1, ']') +
           '}';
  };
  EXPECT_EQ(request(nested(32)).type, RequestType::ping);
  EXPECT_EQ(refusal(nested(33)).code, ErrorCode::invalid_json);
  EXPECT_EQ(refusal(nested(100'000)).code, ErrorCode::invalid_json);
  EXPECT_EQ(refusal(std::string(65'536, '[')).code, ErrorCode::invalid_json);
}

TEST(ClientProtocolTest, WhatIsNoMessageIsSaidToBe) {
  for (const char* text : {"[]", "1", "null", "\"ping\"", "{}", R"({"type":1})",
                           R"({"type":null,"topic":"a"})", R"({"Type":"ping"})"})
    EXPECT_EQ(refusal(text).code, ErrorCode::invalid_message) << text;
}

TEST(ClientProtocolTest, ClientsOnlyReceive) {
  for (const char* type : {"publish", "message", "", "Subscribe", "ping "})
    EXPECT_EQ(refusal(std::string(R"({"type":")") + type + R"(","topic":"a"})").code,
              ErrorCode::unknown_type)
        << type;
}

TEST(ClientProtocolTest, ATopicOrTopicsMustBeThereAndOfTheirType) {
  for (const char* rest : {"", R"(,"topic":1)", R"(,"topic":null)", R"(,"topic":["a"])",
                           R"(,"topics":"a")", R"(,"topics":[])", R"(,"topics":["a",1])",
                           R"(,"topics":{"a":1})", R"(,"topic":"a","topics":["b"])"}) {
    for (const char* type : {"subscribe", "unsubscribe"})
      EXPECT_EQ(refusal(std::string(R"({"type":")") + type + '"' + rest + '}').code,
                ErrorCode::invalid_message)
          << rest;
  }
}

TEST(ClientProtocolTest, ASinceThatIsNoneIsRefused) {
  for (const char* since : {"1", "true", R"("a")", R"("a:")", R"(":1")", R"("a:-1")", R"("a:01")",
                            R"("a:9223372036854775808")", R"("a b:1")", R"([1])",
                            R"(["a:1","a:2"])", R"({"t":1})", R"({"t":["a"]})", R"([["a:1"]])"})
    EXPECT_EQ(
        refusal(R"({"type":"subscribe","topic":"t","since":)" + std::string(since) + '}').code,
        ErrorCode::invalid_message)
        << since;
}

TEST(ClientProtocolTest, WhatIsWrongBesideTheTopicsIsToldWithEachOfThem) {
  const auto subscribe = parse_request(R"({"type":"subscribe","topics":["a","b"],"last":-1})");
  ASSERT_TRUE(subscribe.request);
  EXPECT_THAT(subscribe.request->topics, ElementsAre("a", "b"));
  EXPECT_EQ(subscribe.request->fault.code, ErrorCode::invalid_message);
  const auto fetch = parse_request(R"({"type":"fetch","topic":"a","id":7})");
  ASSERT_TRUE(fetch.request);
  EXPECT_EQ(fetch.request->id, "7");
  EXPECT_EQ(fetch.request->fault.code, ErrorCode::invalid_message);
  EXPECT_FALSE(parse_request(R"({"type":"subscribe","since":7})").request) << "it names no topic";
}

TEST(ClientProtocolTest, ASinceNamesAtMost256Sources) {
  const auto with = [](int sources) {
    std::string list;
    for (int i = 0; i < sources; ++i)
      list += (i != 0 ? "," : "") + ("\"s" + std::to_string(i) + ":1\"");
    return R"({"type":"subscribe","topic":"t","since":[)" + list + "]}";
  };
  EXPECT_EQ(request(with(256)).since->positions.size(), 256U);
  EXPECT_EQ(refusal(with(257)).code, ErrorCode::limit_exceeded);
}

TEST(ClientProtocolTest, NumbersMustBeIntegersInTheirRange) {
  for (const char* last : {"-1", "1.5", "\"1\"", "true", "9223372036854775808",
                           "18446744073709551615", "99999999999999999999"})
    EXPECT_EQ(refusal(R"({"type":"subscribe","topic":"t","last":)" + std::string(last) + '}').code,
              ErrorCode::invalid_message)
        << last;
  for (const char* rest :
       {R"("src":"s","from":0,"to":1)", R"("src":"s","from":2,"to":1)", R"("src":"s","from":1)",
        R"("src":"s","to":1)", R"("src":"s s","from":1,"to":1)", R"("src":"","from":1,"to":1)",
        R"("src":5,"from":1,"to":1)", R"("from":1,"to":1)", R"("last":-1)", R"("last":"1")"})
    EXPECT_EQ(refusal(R"({"type":"fetch","topic":"t",)" + std::string(rest) + '}').code,
              ErrorCode::invalid_message)
        << rest;
}

TEST(ClientProtocolTest, FetchAndAuthNeedTheirMembers) {
  EXPECT_EQ(refusal(R"({"type":"fetch","topics":["t"],"src":"s","from":1,"to":1})").code,
            ErrorCode::invalid_message);
  EXPECT_EQ(refusal(R"({"type":"auth"})").code, ErrorCode::invalid_message);
  EXPECT_EQ(refusal(R"({"type":"auth","token":1})").code, ErrorCode::invalid_message);
}

TEST(ClientProtocolTest, WritesErrorsInTheContractsWords) {
  EXPECT_EQ(error_text(ErrorCode::unknown_type, "say \"ping\"", "7"),
            R"({"type":"error","code":"unknown_type","message":"say \"ping\"","id":7})");
  EXPECT_EQ(error_text(ErrorCode::invalid_json, "no"),
            R"({"type":"error","code":"invalid_json","message":"no"})");
  EXPECT_EQ(refused_text("subscribed", "a\nb", ErrorCode::forbidden, "no", "\"x\""),
            R"({"type":"subscribed","topic":"a\nb","success":false,"code":"forbidden",)"
            R"("message":"no","id":"x"})");
  EXPECT_EQ(positions_json({}), "[]");
  EXPECT_EQ(positions_json({{"a", 1}, {"b", 0}}), R"(["a:1","b:0"])");
}

TEST(ClientProtocolTest, NamesEveryCodeOfTheContract) {
  std::vector<std::string_view> names;
  for (int code = static_cast<int>(ErrorCode::invalid_json);
       code <= static_cast<int>(ErrorCode::internal); ++code)
    names.push_back(name_of(static_cast<ErrorCode>(code)));
  EXPECT_THAT(names, ElementsAre("invalid_json", "invalid_message", "unknown_type", "invalid_topic",
                                 "forbidden", "unauthorized", "invalid_token", "token_expired",
                                 "limit_exceeded", "rate_limited", "internal"));
}

}  // namespace
}  // namespace zws
