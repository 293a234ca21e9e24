// Window: the publisher waits for room, and for nothing else.
#include "bench/window.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

namespace zws::tool {
namespace {

TEST(WindowTest, NoLimitNeverHolds) {
  Window window(0);
  window.open();
  EXPECT_TRUE(window.wait_for(1'000'000'000));
}

TEST(WindowTest, LetsThroughUpToTheLimit) {
  Window window(16);
  window.open();
  EXPECT_TRUE(window.wait_for(16));
  window.arrived(4);
  window.settle();
  EXPECT_TRUE(window.wait_for(20));
}

TEST(WindowTest, NeverMoreThanTheLimitIsOnItsWay) {
  constexpr std::uint64_t limit = 64;
  constexpr std::uint64_t events = 100'000;
  Window window(limit);
  window.open();
  std::atomic<std::uint64_t> sent{0};
  std::thread publisher([&] {
    for (std::uint64_t owed = 1; owed <= events && window.wait_for(owed); ++owed) sent = owed;
  });
  std::uint64_t taken = 0;
  while (taken < events) {
    const std::uint64_t now = sent;
    EXPECT_LE(now, taken + limit);
    window.arrived(now - taken);
    taken = now;
    window.settle();
  }
  publisher.join();
  EXPECT_EQ(sent, events);
}

TEST(WindowTest, WhoWaitsIsWokenByExactlyWhatItWaitsFor) {
  constexpr std::uint64_t rounds = 10'000;
  Window window(8);
  window.open();
  std::atomic<std::uint64_t> asked{0};
  std::thread publisher([&] {
    // Each time it is held back until 2 * round have arrived.
    for (std::uint64_t round = 1; round <= rounds; ++round) {
      asked = round;
      if (!window.wait_for(7 + 2 * round)) return;
    }
    asked = rounds + 1;
  });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  const auto goes_on_to = [&](std::uint64_t round) {
    while (asked < round && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    return asked >= round;
  };
  for (std::uint64_t round = 1; round <= rounds && goes_on_to(round); ++round) {
    window.arrived(2);
    window.settle();
  }
  EXPECT_TRUE(goes_on_to(rounds + 1)) << "held back in round " << asked;
  window.close();
  publisher.join();
}

TEST(WindowTest, CloseSendsAWaitingPublisherAway) {
  Window window(8);
  window.open();
  bool let_through = true;
  std::thread publisher([&] { let_through = window.wait_for(9); });
  window.close();
  publisher.join();
  EXPECT_FALSE(let_through);
}

}  // namespace
}  // namespace zws::tool
