// Frame headers, byte for byte.
#include "core/ws_frame.hpp"

#include <gtest/gtest.h>

namespace zws {
namespace {

std::string header(Opcode opcode, std::uint64_t size) {
  return std::string(FrameHeader(opcode, size).bytes());
}

TEST(WsFrameTest, ShortPayloadHasItsSizeInTheSecondByte) {
  EXPECT_EQ(header(Opcode::text, 0), std::string("\x81\x00", 2));
  EXPECT_EQ(header(Opcode::text, 125), "\x81\x7D");
}

TEST(WsFrameTest, MediumPayloadHasItsSizeInTwoBytes) {
  EXPECT_EQ(header(Opcode::text, 126), std::string("\x81\x7E\x00\x7E", 4));
  EXPECT_EQ(header(Opcode::text, 65'535), "\x81\x7E\xFF\xFF");
}

TEST(WsFrameTest, LargePayloadHasItsSizeInEightBytes) {
  EXPECT_EQ(header(Opcode::text, 65'536), std::string("\x81\x7F\0\0\0\0\0\x01\0\0", 10));
  EXPECT_EQ(header(Opcode::text, 0x0102030405060708u), "\x81\x7F\x01\x02\x03\x04\x05\x06\x07\x08");
}

TEST(WsFrameTest, EveryKindIsOneWholeFrame) {
  EXPECT_EQ(header(Opcode::binary, 1), "\x82\x01");
  EXPECT_EQ(header(Opcode::close, 2), "\x88\x02");
  EXPECT_EQ(header(Opcode::ping, 1), "\x89\x01");
  EXPECT_EQ(header(Opcode::pong, 1), "\x8A\x01");
}

TEST(WsFrameTest, TextFrameIsHeaderAndPayload) {
  EXPECT_EQ(text_frame("hi"), "\x81\x02hi");
  EXPECT_EQ(text_frame(std::string(200, 'x')).size(), 204u);
}

}  // namespace
}  // namespace zws
