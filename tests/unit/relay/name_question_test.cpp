#include "relay/name_question.hpp"

#include <gtest/gtest.h>

#include <asio/executor_work_guard.hpp>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

namespace zws {
namespace {

TEST(NameQuestion, AnAddressNeedsNoServerOfNames) {
  asio::io_context loop;
  const auto work = asio::make_work_guard(loop);
  NameQuestion question;
  std::string found;
  question.ask(loop, "127.0.0.1", "6379", [&](const std::error_code& fault, const auto& addresses) {
    ASSERT_FALSE(fault);
    found = addresses.begin()->endpoint().address().to_string();
    loop.stop();
  });
  loop.run_for(std::chrono::seconds(30));
  EXPECT_EQ(found, "127.0.0.1");
}

TEST(NameQuestion, NobodyIsToldOfAQuestionThatWasDropped) {
  bool told = false;
  {
    asio::io_context loop;
    NameQuestion question;
    question.ask(loop, "127.0.0.1", "6379", [&](const auto&, const auto&) { told = true; });
    question.drop();
    loop.run_for(std::chrono::milliseconds(20));
  }  // the loop has gone, and the answer may come yet
  EXPECT_FALSE(told);
}

// Eight may be asked at once: one of many who ask together is refused, and not held by what it wanted to know.
TEST(NameQuestion, WhoAsksInVainIsLetGo) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  std::atomic<bool> refused{false};
  const auto ask_until_refused = [&] {
    asio::io_context loop;
    while (!refused && std::chrono::steady_clock::now() < until) {
      const auto held = std::make_shared<int>();
      NameQuestion question;
      try {
        question.ask(loop, "localhost", "6379", [held](const auto&, const auto&) {});
      } catch (const std::system_error&) {
        EXPECT_EQ(held.use_count(), 1);
        refused = true;
      }
    }
  };
  std::vector<std::thread> askers;
  for (int i = 0; i < 32; ++i) askers.emplace_back(ask_until_refused);
  for (std::thread& each : askers) each.join();
  EXPECT_TRUE(refused);
}

}  // namespace
}  // namespace zws
