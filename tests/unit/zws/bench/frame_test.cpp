// The load generator's frames and payloads: read back what was written, at every cut.
#include "bench/frame.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "bench/payload.hpp"

namespace zws::tool {
namespace {

std::string from_server(std::string_view body) {
  std::string frame;
  append_frame(frame, Frame::text, body);
  // A server's frame is the client's without the mask bit and the four bytes of the mask.
  const std::size_t head = frame.size() - body.size() - 4;
  frame.erase(head, 4);
  frame[1] = static_cast<char>(frame[1] & 0x7F);
  return frame;
}

TEST(FrameTest, FramesOfEverySizeAreReadInPlace) {
  for (const std::size_t size : {0U, 1U, 125U, 126U, 65535U, 65536U, 100'000U}) {
    const std::string body(size, 'x');
    const std::string bytes = from_server(body) + "rest";
    const char* at = bytes.data();
    Frame frame;
    ASSERT_EQ(next_frame(at, bytes.data() + bytes.size(), frame), FrameResult::whole);
    EXPECT_EQ(frame.kind, Frame::text);
    EXPECT_EQ(frame.body, body);
    EXPECT_EQ(std::string(at), "rest");
  }
}

TEST(FrameTest, AFrameCutOffAnywhereIsPartial) {
  for (const std::size_t size : {3U, 126U, 65536U}) {
    const std::string bytes = from_server(std::string(size, 'x'));
    for (std::size_t cut = 0; cut < std::min<std::size_t>(bytes.size(), 200); ++cut) {
      const char* at = bytes.data();
      Frame frame;
      EXPECT_EQ(next_frame(at, bytes.data() + cut, frame), FrameResult::partial);
      EXPECT_EQ(at, bytes.data());
    }
  }
}

TEST(FrameTest, MaskedFragmentedAndReservedAreBroken) {
  for (const std::string bytes : {"\x81\x81\x01\x02\x03\x04x", "\x01\x01x", "\xC1\x01x"}) {
    const char* at = bytes.data();
    Frame frame;
    EXPECT_EQ(next_frame(at, bytes.data() + bytes.size(), frame), FrameResult::broken);
  }
}

TEST(PayloadTest, StampsComeBackAsWritten) {
  Payload payload(200);
  for (const Stamp stamp : {Stamp{0, 0, 0}, Stamp{42, 17, 123'456'789'012},
                            Stamp{99'999'999, 99'999'999, 9'999'999'999'999'999}}) {
    const std::string text(payload.with(stamp));
    ASSERT_TRUE(Payload::is(text));
    const Stamp back = Payload::read(text);
    EXPECT_EQ(back.topic, stamp.topic);
    EXPECT_EQ(back.number, stamp.number);
    EXPECT_EQ(back.due_ns, stamp.due_ns);
  }
}

TEST(PayloadTest, IsAJsonObjectOfExactlyTheSize) {
  for (const std::size_t size : {Payload::smallest, std::size_t{200}, std::size_t{100'000}}) {
    const std::string text(Payload(size).with({7, 8, 9}));
    EXPECT_EQ(text.size(), size);
    const auto json = nlohmann::json::parse(text);
    EXPECT_EQ(json.at("type"), "bench");
    EXPECT_EQ(json.at("k"), "00000007");
    EXPECT_EQ(json.at("n"), "00000008");
    EXPECT_EQ(json.at("t"), "0000000000000009");
  }
}

TEST(PayloadTest, OtherMessagesAreNoEvents) {
  EXPECT_FALSE(Payload::is(R"({"type":"subscribed","topic":"bench"})"));
  EXPECT_FALSE(Payload::is(std::string(200, 'x')));
  EXPECT_FALSE(Payload::is(Payload::start));
}

}  // namespace
}  // namespace zws::tool
