#include "received.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace zws::tool {
namespace {

// Frames as docs/CLIENTS.md has them.
constexpr const char* typed = R"({"type":"order","id":17,"topic":"orders","@id":"abc:1"})";
constexpr const char* with_own_topic =
    R"({"type":"import_progress","topic":"import:1","data":{},"@id":"abc:2"})";
constexpr const char* with_other_topic =
    R"({"type":"x","topic":"mine","@topic":"orders","@id":"abc:3"} )";
constexpr const char* wrapped_json =
    R"({"type":"message","topic":"a\"b","data":[1, 2.50],"timestamp":"2025-11-22T10:00:00.000Z","@id":"abc:4"})";
constexpr const char* wrapped_text =
    R"({"type":"message","topic":"a","data":"line\n\u0041","timestamp":"2025-11-22T10:00:00.000Z","@id":"abc:5"})";
constexpr const char* wrapped_bytes =
    R"({"type":"message","topic":"a","data":"/wD+","encoding":"base64","timestamp":"2025-11-22T10:00:00.000Z","@id":"abc:6"})";

TEST(ReceivedTest, EventsCarryAnIdAndTheBridgesOwnMessagesDoNot) {
  for (const char* frame :
       {typed, with_own_topic, with_other_topic, wrapped_json, wrapped_text, wrapped_bytes})
    EXPECT_EQ(kind_of(frame, false), ReceivedKind::event) << frame;
  for (const char* frame :
       {R"({"type":"subscribed","topic":"a","success":true,"at":["abc:4"]})",
        R"({"type":"error","code":"invalid_json","message":"near \",\"@id\":\"a:1\"}"})",
        R"({"type":"gap","topic":"a","src":"abc","from":1,"to":2,"missed":2,"reason":"producer"})"})
    EXPECT_EQ(kind_of(frame, false), ReceivedKind::control) << frame;
  for (const char* frame : {"21.5", "plain text",
                            R"({"type":"subscribed","topic":"a","success":false})", "", "}", typed})
    EXPECT_EQ(kind_of(frame, true), ReceivedKind::raw) << frame;
}

TEST(ReceivedTest, IdAndTopicAreFound) {
  EXPECT_EQ(id_of(typed), "abc:1");
  EXPECT_EQ(topic_of(typed), "orders");
  EXPECT_EQ(topic_of(with_other_topic), "orders");
  EXPECT_EQ(topic_of(wrapped_json), "a\"b");
  EXPECT_EQ(id_of("text"), "");
  EXPECT_EQ(id_of(R"({"type":"x","v":1,"@id":"its:9","topic":"orders","@id":"abc:7"})"), "abc:7")
      << "the producer has an @id of its own";
}

TEST(ReceivedTest, TheTopicIsFoundBesideWhatNoParserTakes) {
  for (const char* value : {"1e400", R"("\ud800")", R"({"topic":"a","b":[{"@topic":"c"}]})",
                            R"(["topic","d"])", R"("topic")", R"(",\"topic\":\"e\"")"}) {
    const std::string member = std::string(R"("v":)") + value;
    EXPECT_EQ(topic_of(R"({"type":"x",)" + member + R"(,"topic":"t","@id":"s:1"})"), "t");
    EXPECT_EQ(topic_of(R"({"topic": "u" ,)" + member + R"(,"@topic":"t","@id":"s:1"})"), "t");
    EXPECT_EQ(topic_of(R"({"t\u006fpic":"t",)" + member + R"(,"@id":"s:1"})"), "t");
  }
}

TEST(ReceivedTest, ThePayloadIsWhatWasPublished) {
  EXPECT_EQ(payload_of(typed), R"({"type":"order","id":17})");
  EXPECT_EQ(payload_of(with_own_topic),
            R"({"type":"import_progress","topic":"import:1","data":{}})");
  EXPECT_EQ(payload_of(with_other_topic), R"({"type":"x","topic":"mine"} )");
  EXPECT_EQ(payload_of(wrapped_json), "[1, 2.50]");
  EXPECT_EQ(payload_of(wrapped_text), "line\nA");
  EXPECT_EQ(payload_of(wrapped_bytes), std::string("\xff\x00\xfe", 3));
  EXPECT_EQ(payload_of("raw"), "raw");
}

TEST(ReceivedTest, NothingThatComesCanBreakTheReading) {
  const std::string whole = wrapped_bytes;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const std::string cut = whole.substr(0, size);
    kind_of(cut, false);
    topic_of(cut);
    payload_of(cut + R"(,"@id":"abc:6"})");
  }
}

TEST(ReceivedTest, AnEventIsOneLine) { EXPECT_EQ(one_line("{\n\"a\":1\r\n}"), "{ \"a\":1  }"); }

}  // namespace
}  // namespace zws::tool
