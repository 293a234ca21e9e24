// What clients receive for a payload, exact to the byte (docs/CLIENTS.md).
#include "exchange/frame.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <random>

#include "core/topic.hpp"
#include "core/ws_frame.hpp"

namespace zws {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t now_ns = 1'700'000'000'123'456'789;
constexpr std::string_view now_text = "2023-11-14T22:13:20.123Z";

// A frame without its header, which must announce what follows.
std::string payload_of(std::string_view frame, Opcode opcode = Opcode::text) {
  const auto byte = [&](std::size_t i) -> std::uint64_t {
    return static_cast<unsigned char>(frame.at(i));
  };
  EXPECT_EQ(byte(0), 0x80U | static_cast<unsigned>(opcode));
  std::size_t header = 2;
  std::uint64_t size = byte(1);
  if (size >= 126) {
    header = size == 126 ? 4 : 10;
    size = 0;
    for (std::size_t i = 2; i < header; ++i) size = size << 8 | byte(i);
  }
  EXPECT_EQ(frame.size() - header, size);
  return std::string(frame.substr(header));
}

class FrameTest : public ::testing::Test {
 protected:
  EventPtr event(std::string_view payload, std::string_view topic = "t", const Route& route = {}) {
    Arrival arrival = arrival_;
    arrival.topic = topic;
    arrival.payload = payload;
    Event::Fields fields;
    fields.topic = topic;
    fields.topic_hash = topic_hash(topic);
    fields.source = "src";
    fields.seq = 7;
    return renderer_.render(arrival, fields, route, now_ns);
  }
  std::string text(std::string_view payload, std::string_view topic = "t") {
    return payload_of(event(payload, topic)->frame());
  }
  static std::string message(std::string_view data, std::string_view more = "") {
    return R"({"type":"message","topic":"t","data":)" + std::string(data) + std::string(more) +
           R"(,"timestamp":")" + std::string(now_text) + R"(","@id":"src:7"})";
  }
  std::string key(std::string_view payload, const std::string& member,
                  std::string_view given = {}) {
    Route route;
    route.overflow = Overflow::conflate;
    route.key = member;
    arrival_.key = given;
    return std::string(event(payload, "t", route)->key());
  }

  Arrival arrival_;
  Renderer renderer_;
};

// --- objects with a type -------------------------------------------------------------------------

TEST_F(FrameTest, ATypedObjectPassesWithTopicAndIdBeforeItsLastBrace) {
  EXPECT_EQ(text(R"({"type":"x"})"), R"({"type":"x","topic":"t","@id":"src:7"})");
  EXPECT_EQ(text("{ \"a\" : 1.0e0 ,\n\t\"type\":\"x\" }"),
            "{ \"a\" : 1.0e0 ,\n\t\"type\":\"x\" ,\"topic\":\"t\",\"@id\":\"src:7\"}");
  EXPECT_EQ(text(R"({"type":"","b":{"c":"}"}})"),
            R"({"type":"","b":{"c":"}"},"topic":"t","@id":"src:7"})");
  EXPECT_EQ(text("\n {\"type\":\"x\"} \r\n\t"),
            "\n {\"type\":\"x\",\"topic\":\"t\",\"@id\":\"src:7\"} \r\n\t");
}

TEST_F(FrameTest, TopicsAreEscaped) {
  EXPECT_EQ(text(R"({"type":"x"})", "a\"b\\/käse"),
            R"({"type":"x","topic":"a\"b\\/käse","@id":"src:7"})");
}

TEST_F(FrameTest, AnObjectsOwnTopicStays) {
  EXPECT_EQ(text(R"({"type":"x","topic":"t"})"), R"({"type":"x","topic":"t","@id":"src:7"})");
  EXPECT_EQ(text(R"({"topic":"\u0074","type":"x"})"),
            R"({"topic":"\u0074","type":"x","@id":"src:7"})");
  for (const char* own : {R"("other")", "1", "null", R"({"topic":"t"})", R"(["t"])", R"("")"}) {
    const std::string payload = R"({"type":"x","topic":)" + std::string(own) + '}';
    EXPECT_EQ(text(payload),
              payload.substr(0, payload.size() - 1) + R"(,"@topic":"t","@id":"src:7"})");
  }
  // Only the top level counts.
  EXPECT_EQ(text(R"({"type":"x","data":{"topic":"other"}})"),
            R"({"type":"x","data":{"topic":"other"},"topic":"t","@id":"src:7"})");
}

TEST_F(FrameTest, OurIdComesLastAndAPayloadsOwnStays) {
  EXPECT_EQ(text(R"({"@id":"mine","type":"x","@topic":1})"),
            R"({"@id":"mine","type":"x","@topic":1,"topic":"t","@topic":"t","@id":"src:7"})");
  EXPECT_EQ(text(R"({"type":"x","topic":"t","@topic":"other"})"),
            R"({"type":"x","topic":"t","@topic":"other","@topic":"t","@id":"src:7"})");
  EXPECT_EQ(text(R"({"type":"x","topic":"u","\u0040topic":"other"})"),
            R"({"type":"x","topic":"u","\u0040topic":"other","@topic":"t","@id":"src:7"})");
  EXPECT_EQ(text(R"({"type":"x","data":{"@topic":"other"}})"),
            R"({"type":"x","data":{"@topic":"other"},"topic":"t","@id":"src:7"})");
}

TEST_F(FrameTest, OfDuplicateMembersTheLastCounts) {
  EXPECT_EQ(text(R"({"type":1,"type":"x"})"), R"({"type":1,"type":"x","topic":"t","@id":"src:7"})");
  EXPECT_EQ(text(R"({"type":"x","type":1})"), message(R"({"type":"x","type":1})"));
  EXPECT_EQ(text(R"({"type":"x","topic":"t","topic":"u"})"),
            R"({"type":"x","topic":"t","topic":"u","@topic":"t","@id":"src:7"})");
  EXPECT_EQ(text(R"({"type":"x","topic":"u","topic":"t"})"),
            R"({"type":"x","topic":"u","topic":"t","@id":"src:7"})");
}

TEST_F(FrameTest, EscapedMemberNamesAreTheSameNames) {
  EXPECT_EQ(text(R"({"\u0074ype":"x","to\u0070ic":"u"})"),
            R"({"\u0074ype":"x","to\u0070ic":"u","@topic":"t","@id":"src:7"})");
}

// --- other JSON ----------------------------------------------------------------------------------

TEST_F(FrameTest, OtherJsonIsTheDataOfAMessage) {
  for (const char* payload :
       {"1", "-0", "1.5E+3", "null", "true", R"("text")", "[]", "[1, 2]", "{}", R"({"a":1})",
        R"({"type":1})", R"({"type":null})", R"({"Type":"x"})", R"({"a":{"type":"x"}})",
        R"([{"type":"x"}])", " 1 ", "\t[\n]\r "})
    EXPECT_EQ(text(payload), message(payload));
}

TEST_F(FrameTest, TheTimestampIsTheProducersIfItGaveOne) {
  arrival_.sent_ns = 1'000'000'000'000'000'000;
  const Json frame = Json::parse(text("1"));
  EXPECT_EQ(frame["timestamp"], "2001-09-09T01:46:40.000Z");
}

// --- JSON that parsers of their own kind are too strict about ------------------------------------

TEST_F(FrameTest, NumbersPassDigitByDigit) {
  for (const char* number :
       {"1e999", "-1e999", "1e-999", "123456789012345678901234567890", "-99999999999999999999",
        "18446744073709551616", "0.1000000000000000055511151231257827021181583404541015625",
        "1E+400", "1E0400", "0e0"}) {
    EXPECT_EQ(text(number), message(number));
    const std::string object = R"({"type":"x","n":)" + std::string(number) + R"(,"topic":"t"})";
    EXPECT_EQ(text(object), object.substr(0, object.size() - 1) + R"(,"@id":"src:7"})");
  }
}

// How long its length is says where a frame's text begins.
TEST_F(FrameTest, AnEventIsShownAsItIsSentWhateverItsSize) {
  const std::string around = text(R"({"type":"x","topic":"t","fill":""})");
  for (const std::size_t size : {124, 125, 126, 127, 65'535, 65'536}) {
    const std::string fill(size - around.size(), '.');
    const EventPtr shown = event(R"({"type":"x","topic":"t","fill":")" + fill + "\"}");
    const std::string sent = payload_of(shown->frame());
    ASSERT_EQ(sent.size(), size);
    EXPECT_EQ(event_json(*shown), sent);
  }
}

TEST_F(FrameTest, WhatOnlyLooksLikeANumberIsText) {
  for (const char* payload : {"01", "+1", "1.", ".5", "1e", "1e999x", "--1", "0x10", "1e999 1",
                              "[1e999,01]", "NaN", "Infinity", "-"})
    EXPECT_EQ(text(payload), message('"' + std::string(payload) + '"')) << payload;
}

TEST_F(FrameTest, LoneSurrogateEscapesPass) {
  for (const char* payload :
       {R"("\ud800")", R"("\uDFFF x")", R"(["\ud83d","\ude00"])", R"({"\ud800":"\udc00\ud800"})"})
    EXPECT_EQ(text(payload), message(payload)) << payload;
  EXPECT_EQ(text(R"({"type":"\ud800"})"), R"({"type":"\ud800","topic":"t","@id":"src:7"})");
  EXPECT_EQ(text(R"({"type":"x","topic":"\ud800","n":1e999})"),
            R"({"type":"x","topic":"\ud800","n":1e999,"@topic":"t","@id":"src:7"})");
}

TEST_F(FrameTest, EscapesThatAreNoneMakeItText) {
  for (const char* payload : {R"("\ud80")", R"("\uzzzz")", R"("\x41")", R"("\ud800)"}) {
    const Json frame = Json::parse(text(payload));
    EXPECT_EQ(frame["data"], payload);
  }
}

TEST_F(FrameTest, JsonOfAnyDepthPasses) {
  for (const std::size_t depth : {1024U, 1025U, 100'000U}) {
    const std::string list = std::string(depth, '[') + std::string(depth, ']');
    EXPECT_EQ(text(list), message(list));
    const std::string object = R"({"type":"x","d":)" + list + '}';
    EXPECT_EQ(text(object), object.substr(0, object.size() - 1) + R"(,"topic":"t","@id":"src:7"})");
  }
  const std::string open(100'000, '[');
  EXPECT_EQ(text(open), message('"' + open + '"'));
}

TEST_F(FrameTest, ADeepOneWithAWildNumberPasses) {
  const std::string list = std::string(2000, '[') + "1e999" + std::string(2000, ']');
  EXPECT_EQ(text(list), message(list));
}

// --- text and bytes ------------------------------------------------------------------------------

TEST_F(FrameTest, TextIsAJsonString) {
  EXPECT_EQ(text(""), message(R"("")"));
  EXPECT_EQ(text("hello"), message(R"("hello")"));
  EXPECT_EQ(text(" "), message(R"(" ")"));
  EXPECT_EQ(text("say \"hi\"\n\\ käse \x01"), message(R"("say \"hi\"\n\\ käse \u0001")"));
  EXPECT_EQ(text(std::string("a\0b", 3)), message(R"("a\u0000b")"));
}

TEST_F(FrameTest, AlmostJsonIsText) {
  for (const char* payload : {"{", "}", "{}x", "[1,]", "{\"type\":\"x\",}", "{'type':'x'}", "nul",
                              "1 2", "{}{}", "\"a\nb\""}) {
    const Json frame = Json::parse(text(payload));
    EXPECT_EQ(frame["type"], "message") << payload;
    EXPECT_EQ(frame["data"], payload);
  }
}

TEST_F(FrameTest, AByteOrderMarkIsTextAndStays) {
  const std::string payload = "\xEF\xBB\xBF{\"type\":\"x\"}";
  EXPECT_EQ(text(payload), message("\"\xEF\xBB\xBF{\\\"type\\\":\\\"x\\\"}\""));
}

TEST_F(FrameTest, OtherBytesAreBase64) {
  EXPECT_EQ(text("\xFF"), message(R"("/w==")", R"(,"encoding":"base64")"));
  EXPECT_EQ(text("\xFF\xFE"), message(R"("//4=")", R"(,"encoding":"base64")"));
  EXPECT_EQ(text("\xFF\xFE\xFD"), message(R"("//79")", R"(,"encoding":"base64")"));
  EXPECT_EQ(text("{\"type\":\"\xFF\"}"),
            message(R"("eyJ0eXBlIjoi/yJ9")", R"(,"encoding":"base64")"));
  EXPECT_EQ(text("1e999\xC0\xAF"), message(R"("MWU5OTnArw==")", R"(,"encoding":"base64")"));
  EXPECT_EQ(text("\xED\xA0\x80"), message(R"("7aCA")", R"(,"encoding":"base64")"));
}

// --- raw routes ----------------------------------------------------------------------------------

TEST_F(FrameTest, ARawRoutePassesThePayloadUntouched) {
  Route raw;
  raw.format = EventFormat::raw;
  for (const char* payload :
       {"", "hello", "\xFF\x01", R"({"type":"subscribed","topic":"t","success":true})"}) {
    const EventPtr made = event(payload, "t", raw);
    EXPECT_EQ(payload_of(made->frame(), Opcode::binary), payload);
    EXPECT_TRUE(made->raw());
  }
}

// --- what the event carries besides --------------------------------------------------------------

TEST_F(FrameTest, TheConflationKeyIsTheHeadersElseTheMembersElseTheTopic) {
  EXPECT_EQ(key(R"({"type":"x","id":"k"})", "id"), "k");
  EXPECT_EQ(key(R"({"id":"k"})", "id"), "k") << "a type is not needed";
  EXPECT_EQ(key(R"({"id":7})", "id"), "7");
  EXPECT_EQ(key(R"({"id":"a","id":"b"})", "id"), "b");
  EXPECT_EQ(key(R"({"id":"k"})", "id", "given"), "given");
  EXPECT_EQ(key(R"({"x":{"id":"k"}})", "id"), "t");
  EXPECT_EQ(key("no JSON", "id"), "t");
  EXPECT_EQ(key(R"({"id":"k"})", ""), "t");
}

TEST_F(FrameTest, OfARawRouteTheKeyIsReadAllTheSame) {
  Route route;
  route.format = EventFormat::raw;
  route.overflow = Overflow::conflate;
  route.key = "id";
  const EventPtr made = event(R"({"id":"k"})", "t", route);
  EXPECT_EQ(made->key(), "k");
  EXPECT_EQ(payload_of(made->frame(), Opcode::binary), R"({"id":"k"})") << "as it was published";
}

TEST_F(FrameTest, TheConflationKeyIsThePayloadsOwnWhateverNumbersStandBesideIt) {
  EXPECT_EQ(key(R"({"id":7,"balance":123456789012345678901234567890})", "id"), "7");
  EXPECT_EQ(key(R"({"balance":1e999,"id":"k"})", "id"), "k");
  EXPECT_EQ(key(R"({"id":123456789012345678901234567890})", "id"),
            "123456789012345678901234567890");
  EXPECT_EQ(key(R"({"id":17.0})", "id"), "17.0");
  EXPECT_EQ(key(R"({"id":0.1000000000000000055511151231257827})", "id"),
            "0.1000000000000000055511151231257827");
  EXPECT_EQ(key(R"({"id":1,"n":1e999,"id":"b"})", "id"), "b");
  EXPECT_EQ(key(R"({"id":"b","n":1e999,"id":1})", "id"), "1");
  EXPECT_EQ(key(R"({"n":1e999,"s":"\":,}\\","l":[{"id":1},":"],"id" : -5 })", "id"), "-5");
  EXPECT_EQ(key(R"({"n":1e999,"id":{"a": [1e999, "b c"] }})", "id"), R"({"a":[1e999,"b c"]})");
  EXPECT_EQ(key(R"({"n":1e999,"id":"\ud83d\ude00"})", "id"), "\xF0\x9F\x98\x80");
  EXPECT_EQ(key(R"({"n":1e999,"id":"\ud83d\ude00"})", "id"), key(R"({"id":"\ud83d\ude00"})", "id"));
  EXPECT_EQ(key(R"({"id":"a\ud800"})", "id"), R"("a\ud800")");
  EXPECT_EQ(key(R"({"n":1e999})", "id"), "t");
}

TEST_F(FrameTest, KeysTooLongToKeepAreStillTellable) {
  const std::string long_one(300, 'k');
  const std::string other = long_one + 'x';
  const auto object = [](const std::string& value) { return R"({"id":")" + value + "\"}"; };
  EXPECT_EQ(key(object(long_one), "id"), key(object(long_one), "id"));
  EXPECT_NE(key(object(long_one), "id"), key(object(other), "id"));
}

TEST_F(FrameTest, AGapIsToldInTheContractsWords) {
  Event::Fields fields;
  fields.topic = "t";
  fields.source = "s";
  fields.seq = 3;
  fields.last_seq = 5;
  const EventPtr gap = Renderer::gap(fields, "producer");
  EXPECT_TRUE(gap->is_gap());
  EXPECT_EQ(
      payload_of(gap->frame()),
      R"({"type":"gap","topic":"t","src":"s","from":3,"to":5,"missed":3,"reason":"producer"})");
}

// --- whatever the payload ------------------------------------------------------------------------

class AnyPayloadTest : public FrameTest {
 protected:
  std::size_t pick(std::size_t below) { return random_() % below; }

  std::string random_bytes() {
    std::string bytes;
    for (std::size_t n = pick(300); n > 0; --n) bytes += static_cast<char>(pick(256));
    return bytes;
  }
  // Bytes that make JSON now and then, and nearly do otherwise.
  std::string random_tokens() {
    static const std::vector<std::string> tokens{
        "{",     "}",           "[",     "]",  ",",  ":",        "\"type\"", "\"topic\"",
        "\"t\"", "\"\\ud800\"", "1e999", "-",  "0",  "17",       "1.5",      "true",
        "null",  " ",           "\n",    "\"", "\\", "\xC3\xA4", "\xFF",     "\"a\\nb\""};
    std::string text;
    for (std::size_t n = pick(12); n > 0; --n) text += tokens[pick(tokens.size())];
    return text;
  }
  Json random_json(int depth) {
    switch (pick(depth > 0 ? 8 : 5)) {
      case 0: return nullptr;
      case 1: return static_cast<std::int64_t>(random_()) - 1'000'000'000;
      case 2: return static_cast<double>(random_()) / 1000.0;
      case 3: return pick(2) == 0;
      case 4: return random_text();
      case 5: {
        Json list = Json::array();
        for (std::size_t n = pick(4); n > 0; --n) list.push_back(random_json(depth - 1));
        return list;
      }
      default: {
        Json object = Json::object();
        for (std::size_t n = pick(5); n > 0; --n) object[random_text()] = random_json(depth - 1);
        if (pick(2) == 0) object["type"] = random_json(0);
        if (pick(3) == 0) object["topic"] = pick(2) == 0 ? Json("t") : random_json(0);
        return object;
      }
    }
  }
  std::string random_text() {
    static const std::vector<std::string> pieces{"a", "\"", "\\", "\n", "\x01",
                                                 "ä", "温", "😀",  "}",  "{"};
    std::string text;
    for (std::size_t n = pick(6); n > 0; --n) text += pieces[pick(pieces.size())];
    return text;
  }

  // The frame is UTF-8 and JSON and gives the payload back.
  void expect_sound(const std::string& payload) {
    const std::string frame = text(payload);
    ASSERT_TRUE(is_utf8(frame)) << payload;
    if (payload.find("1e999") != std::string::npos || payload.find("ud800") != std::string::npos) {
      // More than nlohmann takes; the bytes must then stand in it as they were, or as a string.
      if (!is_utf8(payload)) return;
      const bool as_is = frame.find(payload.substr(0, payload.rfind('}'))) != std::string::npos;
      ASSERT_TRUE(as_is || Json::accept(frame)) << payload;
      return;
    }
    ASSERT_TRUE(Json::accept(frame)) << payload << '\n' << frame;
    const Json told = Json::parse(frame);
    ASSERT_EQ(told["@id"], "src:7");
    // nlohmann takes a NUL for the end.
    const bool cut = payload.find('\0') != std::string::npos;
    const Json meant = cut ? Json(Json::value_t::discarded) : Json::parse(payload, nullptr, false);
    if (meant.is_object() && meant.contains("type") && meant["type"].is_string()) {
      Json rest = told;
      rest.erase("@id");
      rest.erase("@topic");
      if (!meant.contains("topic")) rest.erase("topic");
      ASSERT_EQ(rest, meant);
      ASSERT_EQ(told.value("@topic", told["topic"]), "t");
    } else if (!meant.is_discarded() && payload.substr(0, 3) != "\xEF\xBB\xBF") {
      ASSERT_EQ(told["data"], meant);
    } else if (told.contains("encoding")) {
      ASSERT_FALSE(is_utf8(payload));
      ASSERT_EQ(told["data"].get<std::string>().size(), (payload.size() + 2) / 3 * 4);
    } else {
      ASSERT_EQ(told["data"], payload);
    }
  }

  std::mt19937 random_{3};
};

TEST_F(AnyPayloadTest, AnyBytes) {
  for (int i = 0; i < 3000 && !HasFatalFailure(); ++i) expect_sound(random_bytes());
}

TEST_F(AnyPayloadTest, AnythingNearJson) {
  for (int i = 0; i < 20'000 && !HasFatalFailure(); ++i) expect_sound(random_tokens());
}

TEST_F(AnyPayloadTest, AnyJson) {
  for (int i = 0; i < 3000 && !HasFatalFailure(); ++i)
    expect_sound(random_json(4).dump(static_cast<int>(pick(3)) - 1, ' ', pick(2) == 0));
}

}  // namespace
}  // namespace zws
