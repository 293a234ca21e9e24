#include "ingest/intake.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ingest/zmq_heap.hpp"

namespace zws {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class IntakeTest : public testing::Test, public Sink {
 protected:
  IntakeTest() {
    far_.set(zmq::sockopt::sndhwm, 0);
    near_.set(zmq::sockopt::rcvhwm, 0);
    near_.bind("inproc://intake");
    far_.connect("inproc://intake");
  }

  void accept(const Arrival* arrivals, std::size_t count) noexcept override {
    for (std::size_t i = 0; i < count; ++i)
      taken.push_back(std::string(arrivals[i].topic) + '=' + std::string(arrivals[i].payload));
  }

  void send(const std::string& topic, std::size_t further_frames, std::size_t frame_bytes = 0) {
    far_.send(zmq::buffer(topic), zmq::send_flags::sndmore);
    const auto flags = further_frames > 0 ? zmq::send_flags::sndmore : zmq::send_flags::none;
    far_.send(zmq::str_buffer("1"), flags);
    const std::string frame(frame_bytes, '.');
    for (std::size_t left = further_frames; left > 0; --left)
      far_.send(zmq::buffer(frame), left > 1 ? zmq::send_flags::sndmore : zmq::send_flags::none);
  }

  bool drain() { return intake.drain(near_, false); }

  const bool heap_is_watched_ = zmq_heap::watch();  // before the context is made
  IngestMetrics metrics;
  Senders senders{*this, [](int) { return std::uint64_t{0}; }};
  Intake intake{*this, senders, metrics};
  std::vector<std::string> taken;

 private:
  zmq::context_t context_;
  zmq::socket_t near_{context_, zmq::socket_type::pair};
  zmq::socket_t far_{context_, zmq::socket_type::pair};
};

TEST_F(IntakeTest, FramesBehindTheHeaderAreIgnored) {
  send("a", 0);
  send("b", 5);
  send("c", 0);
  EXPECT_FALSE(drain());
  EXPECT_THAT(taken, ElementsAre("a=1", "b=1", "c=1"));
}

TEST_F(IntakeTest, WhatOtherSoftwareAppendsIsCountedEachTime) {
  for (int i = 0; i < 3; ++i) send("a", 1, 8);
  EXPECT_FALSE(drain());
  EXPECT_THAT(taken, ElementsAre("a=1", "a=1", "a=1"));
  EXPECT_EQ(metrics.header_ignored.value(), 3U);
}

// Else it would count as held by producers until as many messages more have come.
TEST_F(IntakeTest, NothingIsHeldOfWhatHasBeenTaken) {
  ASSERT_TRUE(heap_is_watched_);
  send("a", 1, 8);
  drain();
  const std::size_t before = zmq_heap::bytes();
  send("a", 1, 4 << 20);
  ASSERT_GT(zmq_heap::bytes(), before + (std::size_t{4} << 20));
  while (drain()) {
  }
  EXPECT_LT(zmq_heap::bytes(), before + (std::size_t{1} << 20));
}

TEST_F(IntakeTest, AMessageOfManyFramesIsPassedOverAPieceAtATime) {
  send("many", 10'000, 1);
  send("behind", 0);
  EXPECT_TRUE(drain());
  EXPECT_THAT(taken, ElementsAre("many=1")) << "it is taken once, and at once";
  std::size_t drains = 1;
  for (bool more = true; more && drains < 100; ++drains) {
    EXPECT_THAT(taken, ElementsAre("many=1"));
    more = drain();
  }
  EXPECT_EQ(drains, 5) << "2,048 frames each";
  EXPECT_THAT(taken, ElementsAre("many=1", "behind=1"));
}

TEST_F(IntakeTest, LargeFramesThatAreIgnoredEndADrain) {
  send("large", 5, 50'000);
  send("behind", 0);
  std::size_t drains = 1;
  while (drain() && drains < 100) ++drains;
  EXPECT_GE(drains, 3);
  EXPECT_THAT(taken, ElementsAre("large=1", "behind=1"));
}

TEST_F(IntakeTest, ManyMessagesOfAFewFramesTooManyShareOneDrainsPatience) {
  for (int i = 0; i < 100; ++i) send("t", 101);
  EXPECT_TRUE(drain());
  EXPECT_THAT(taken, testing::SizeIs(testing::Le(21)));
  std::size_t drains = 1;
  while (drain() && drains < 100) ++drains;
  EXPECT_THAT(taken, testing::SizeIs(100));
}

TEST_F(IntakeTest, ADrainThatEndsAtItsBoundSaysThatMoreMayBeThere) {
  for (int i = 0; i < 300; ++i) send("t", 0);
  EXPECT_TRUE(drain()) << "or what is left waits until somebody sends again";
  EXPECT_THAT(taken, testing::SizeIs(256));
  EXPECT_FALSE(drain());
  EXPECT_THAT(taken, testing::SizeIs(300));
}

TEST_F(IntakeTest, NothingThereIsNothingTaken) {
  EXPECT_FALSE(drain());
  EXPECT_THAT(taken, IsEmpty());
}

}  // namespace
}  // namespace zws
