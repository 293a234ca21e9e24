// What frames cost that are no whole messages, however the bytes are cut.
#include "client/frame_meter.hpp"

#include <gtest/gtest.h>

#include <string>

namespace zws {
namespace {

constexpr unsigned fin = 0x80;
constexpr unsigned text = 1;
constexpr unsigned more = 0;
constexpr unsigned ping = 9;
constexpr unsigned pong = 10;

std::string head(unsigned first, std::size_t size) {
  std::string head(1, static_cast<char>(first));
  const unsigned bytes = size < 126 ? 0 : size < 65'536 ? 2 : 8;
  head += static_cast<char>(0x80U | (bytes == 0 ? size : bytes == 2 ? 126 : 127));
  for (unsigned i = bytes; i-- > 0;) head += static_cast<char>(size >> (8 * i) & 0xFF);
  return head + "mask";
}

std::string frame(unsigned first, std::size_t size) {
  return head(first, size) + std::string(size, 'x');
}

struct Sum {
  std::size_t cost = 0;
  std::size_t pongs = 0;
};

Sum read(FrameMeter& meter, const std::string& bytes, std::size_t step = 1 << 20) {
  Sum sum;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    const FrameMeter::Seen seen = meter.read(std::string_view(bytes).substr(at, step));
    sum.cost += seen.cost;
    sum.pongs += seen.pongs;
  }
  return sum;
}

std::size_t cost(const std::string& bytes) {
  FrameMeter meter;
  return read(meter, bytes).cost;
}

TEST(FrameMeterTest, AMessageInOneFrameCostsNothingBesidesItself) {
  EXPECT_EQ(cost(frame(fin | text, 0)), 0U);
  EXPECT_EQ(cost(frame(fin | text, 65'536) + frame(fin | text, 125) + frame(fin | text, 65'536)),
            0U)
      << "as much as limits.message_bytes allows by default";
}

TEST(FrameMeterTest, EachFurther64KiBOfAMessageCostsOne) {
  EXPECT_EQ(cost(frame(fin | text, 65'537)), 1U);
  EXPECT_EQ(cost(frame(fin | text, 1'048'576)), 15U);
  EXPECT_EQ(cost(frame(text, 65'000) + frame(fin | more, 66'072)), 2U)
      << "one portion and one frame";
}

TEST(FrameMeterTest, PingsClosesAndFurtherFramesCostOneEach) {
  EXPECT_EQ(cost(frame(fin | ping, 125) + frame(fin | ping, 0)), 2U);
  EXPECT_EQ(cost(frame(fin | 8, 2)), 1U);
  EXPECT_EQ(cost(frame(text, 1) + frame(more, 0) + frame(more, 1) + frame(fin | more, 1)), 3U);
}

TEST(FrameMeterTest, PongsAreCountedByThemselves) {
  FrameMeter meter;
  const Sum sum = read(meter, frame(fin | pong, 0) + frame(fin | pong, 7) + frame(fin | ping, 1));
  EXPECT_EQ(sum.pongs, 2U);
  EXPECT_EQ(sum.cost, 1U);
}

TEST(FrameMeterTest, WhateverTheBytesAreCutIntoTheSumIsTheSame) {
  const std::string all = frame(text, 300) + frame(fin | ping, 20) + frame(more, 70'000) +
                          frame(fin | pong, 0) + frame(fin | more, 0) + frame(fin | text, 9000);
  for (const std::size_t step : {1U, 2U, 3U, 7U, 256U, 4096U}) {
    FrameMeter meter;
    const Sum sum = read(meter, all, step);
    EXPECT_EQ(sum.cost, 1U + 2U + 1U) << step;
    EXPECT_EQ(sum.pongs, 1U) << step;
    EXPECT_EQ(meter.unfinished(), 0U) << step;
  }
}

TEST(FrameMeterTest, KnowsWhatHasComeOfAMessageThatHasNotEnded) {
  FrameMeter meter;
  read(meter, frame(text, 5000) + frame(fin | ping, 100) + head(fin | more, 200) + "five5");
  EXPECT_EQ(meter.unfinished(), 5005U);
  read(meter, std::string(195, 'x'));
  EXPECT_EQ(meter.unfinished(), 0U);
}

}  // namespace
}  // namespace zws
