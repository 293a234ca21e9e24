// A feed drained on a loop: called when there is something, not called for nothing, and let go of.
#include "lane/feed_watch.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

namespace zws {
namespace {

// A pipe; each byte is one drain's worth.
class PipeFeed final : public Feed {
 public:
  PipeFeed() { open(); }
  ~PipeFeed() override { close(); }

  int descriptor() const noexcept override { return ends_[0]; }
  int seldom_descriptor() const noexcept override { return seldom_ends_[0]; }
  bool drain() noexcept override {
    ++drains;
    if (waiting == 0) return false;
    char byte = 0;
    if (::read(ends_[0], &byte, 1) == 1) --waiting;
    return waiting > 0;
  }
  bool look() noexcept override {
    if (!renews) return false;
    close();
    open();
    return true;
  }
  void put(int count) {
    for (int i = 0; i < count; ++i) EXPECT_EQ(::write(ends_[1], "x", 1), 1);
    waiting += count;
  }

  void put_seldom() const { EXPECT_EQ(::write(seldom_ends_[1], "x", 1), 1); }

  int waiting = 0;
  int drains = 0;
  bool renews = false;

 private:
  void open() {
    EXPECT_EQ(::pipe(ends_.data()), 0);
    EXPECT_EQ(::pipe(seldom_ends_.data()), 0);
  }
  void close() const {
    for (const int end : {ends_[0], ends_[1], seldom_ends_[0], seldom_ends_[1]}) ::close(end);
  }
  std::array<int, 2> ends_{};
  std::array<int, 2> seldom_ends_{};
};

class FeedWatchTest : public ::testing::Test {
 protected:
  // Runs what is due, without waiting.
  int calls() {
    loop_.restart();
    loop_.poll();
    return std::exchange(calls_, 0);
  }

  asio::io_context loop_;
  PipeFeed feed_;
  int calls_ = 0;
  FeedWatch watch_{loop_, feed_, [this] { ++calls_; }};
};

TEST_F(FeedWatchTest, CallsOnceWhenSomethingComes) {
  watch_.wait();
  EXPECT_EQ(calls(), 0);
  feed_.put(1);
  EXPECT_EQ(calls(), 1);
  EXPECT_EQ(calls(), 0) << "not before it is waited for again";
}

TEST_F(FeedWatchTest, WhatCameBeforeTheWaitIsNotMissed) {
  feed_.put(1);
  watch_.wait();
  EXPECT_EQ(calls(), 1);
}

TEST_F(FeedWatchTest, WaitingTwiceIsWaitingOnce) {
  watch_.wait();
  watch_.wait();
  feed_.put(1);
  EXPECT_EQ(calls(), 1);
}

TEST_F(FeedWatchTest, CallsWhenTheSeldomOneIsReady) {
  watch_.wait();
  feed_.put_seldom();
  EXPECT_EQ(calls(), 1);
  EXPECT_EQ(calls(), 0) << "not before it is waited for again";
  watch_.wait();
  EXPECT_EQ(calls(), 1);
}

TEST_F(FeedWatchTest, WhatComesOnOneDoesNotEndTheWaitForTheOther) {
  watch_.wait();
  feed_.put(1);
  EXPECT_EQ(calls(), 1);
  feed_.put_seldom();
  EXPECT_EQ(calls(), 1);
}

TEST_F(FeedWatchTest, DrainTakesAllThatIsThere) {
  feed_.put(5);
  EXPECT_FALSE(watch_.drain());
  EXPECT_EQ(feed_.waiting, 0);
}

TEST_F(FeedWatchTest, AFloodDoesNotKeepTheLoop) {
  feed_.put(1000);
  EXPECT_TRUE(watch_.drain());
  EXPECT_GT(feed_.waiting, 900);
}

TEST_F(FeedWatchTest, AnotherDescriptorTakesThePlaceOfTheFirst) {
  watch_.wait();
  feed_.renews = true;
  watch_.look();
  feed_.put(1);
  watch_.wait();
  EXPECT_EQ(calls(), 1);
}

TEST_F(FeedWatchTest, WhatWasDueOnTheOldDescriptorIsNoCall) {
  watch_.wait();
  feed_.put(1);
  feed_.renews = true;
  watch_.look();
  EXPECT_EQ(calls(), 0);
}

TEST_F(FeedWatchTest, AfterStopTheFeedIsLeftAlone) {
  watch_.wait();
  feed_.put(1);
  watch_.stop();
  watch_.wait();
  EXPECT_EQ(calls(), 0);
  EXPECT_FALSE(watch_.drain());
  watch_.look();
  EXPECT_EQ(feed_.drains, 0);
}

}  // namespace
}  // namespace zws
