// The bound on bytes, held against what malloc really handed out.
#include <gtest/gtest.h>
#include <malloc.h>

#include "support/schedules.hpp"
#include "unit/exchange/stage.hpp"

namespace zws {
namespace {

// Bytes handed out by malloc and not given back; 0 where a sanitizer has its own malloc.
std::size_t in_use() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

class MemoryTest : public testing::Test {
 protected:
  // Events that each come on a topic of their own.
  void fill(History& history, std::size_t topics, std::size_t bound) {
    for (std::size_t i = 0; i < topics; ++i) {
      Sent sent{"import:7d1c9e40-" + std::to_string(i), "9f3ac2d17b"};
      sent.frame_bytes = 200;
      history.record(make_event(sent, clock.steady()));
      clock.advance(std::chrono::microseconds(20));
      if (i % 997 == 0) {
        ASSERT_LE(history.bytes(), bound);
      }
    }
  }
  static void expect_honest(std::size_t said, std::size_t before) {
    if (in_use() == 0) return;  // nobody counts
    const std::size_t real = in_use() - before;
    EXPECT_LE(real, said + said / 10);
    EXPECT_GE(real, said - said / 5);
  }

  FakeClock clock;
  Topics all_topics;
};

TEST_F(MemoryTest, AMillionTopicsThatLiveOnceStayWithinTheBound) {
  const Config config;
  const std::size_t before = in_use();
  History history(std::make_shared<Config>(config), all_topics, clock);
  fill(history, fewer_if_sanitized(1'000'000), config.history.bytes);
  EXPECT_LE(history.bytes(), config.history.bytes);
  EXPECT_GE(history.bytes(), config.history.bytes * 9 / 10) << "and make use of it";
  expect_honest(history.bytes(), before);
  clock.advance(config.history.ttl + std::chrono::seconds(1));
  while (history.topics() > 0) history.sweep();
  for (int i = 0; i < 100; ++i) history.sweep();
  EXPECT_LE(history.bytes(), 64u << 10);
  if (in_use() > 0) {
    EXPECT_LE(in_use() - before, history.bytes() + (256 << 10));
  }
}

TEST_F(MemoryTest, SoDoSubscribersTopicsThatWereHeardFrom) {
  Config config;
  config.history.ttl = Duration(1);
  config.history.bytes = 16 << 20;
  History history(std::make_shared<Config>(config), all_topics, clock);
  const std::size_t topics = 200'000;
  const std::size_t before = in_use();
  for (std::size_t i = 0; i < topics; ++i) history.pin("import:7d1c9e40-" + std::to_string(i));
  const std::size_t subscriptions = in_use() - before;
  fill(history, topics, config.history.bytes);
  EXPECT_LE(history.bytes(), config.history.bytes);
  EXPECT_GT(history.topics(), 10'000u);
  // The records of topics that something is kept of are the history's.
  const std::size_t others = subscriptions / topics * (topics - history.topics());
  expect_honest(history.bytes() + others, before);
}

TEST_F(MemoryTest, ReloadsLeaveNothingBehind) {
  Config config;
  History history(std::make_shared<Config>(config), all_topics, clock);
  fill(history, 1, config.history.bytes);
  const auto reload = [&](int times) {
    for (int i = 0; i < times; ++i) {
      config.history.ttl += std::chrono::seconds(1);
      history.reload(std::make_shared<Config>(config));
    }
  };
  reload(10);
  const std::size_t before = in_use();
  reload(1000);
  EXPECT_LE(in_use(), before + (8 << 10));
}

TEST_F(MemoryTest, ManySourcesAndManyKeysAreCountedToo) {
  Config config;
  config.history.bytes = 16 << 20;
  RouteConfig route;
  route.match = "keys:*";
  route.overflow = Overflow::conflate;
  config.routes.push_back(route);
  const std::size_t before = in_use();
  History history(std::make_shared<Config>(config), all_topics, clock);
  for (std::uint64_t i = 0; i < 200'000; ++i) {
    const std::string number = std::to_string(i % 2000);
    history.record(make_event(
        {"keys:" + number, "a", i / 2000 + 1, "key-" + std::to_string(i / 2000)}, clock.steady()));
    history.record(make_event(
        {"sources:" + number, "a-source-with-a-long-name-" + std::to_string(i / 2000), 1},
        clock.steady()));
    if (i % 997 == 0) {
      ASSERT_LE(history.bytes(), config.history.bytes);
    }
  }
  expect_honest(history.bytes(), before);
}

}  // namespace
}  // namespace zws
