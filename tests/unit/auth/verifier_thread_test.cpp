// What the verifier promises about its thread: one answer to each, one check for equal tokens, bounds.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "auth/verifier.hpp"
#include "support/folder.hpp"
#include "support/short_memory.hpp"
#include "unit/auth/forge.hpp"

namespace zws {
namespace {

using forge::Signer;

constexpr char ada[] = R"({"sub":"ada","exp":253402300799})";
constexpr std::chrono::seconds deadline{120};

// Counts answers and waits for a number of them.
class Answers {
 public:
  std::function<void(Verdict)> one() {
    return [this](const Verdict& verdict) {
      const std::lock_guard lock(mutex_);
      ++counts_.at(static_cast<std::size_t>(verdict.fault));
      more_.notify_all();
    };
  }

  int total() {
    const std::lock_guard lock(mutex_);
    return sum();
  }
  int of(TokenFault fault) {
    const std::lock_guard lock(mutex_);
    return counts_.at(static_cast<std::size_t>(fault));
  }
  bool wait_for(int wanted) {
    std::unique_lock lock(mutex_);
    return more_.wait_for(lock, deadline, [&] { return sum() >= wanted; });
  }

 private:
  int sum() const { return counts_[0] + counts_[1] + counts_[2] + counts_[3]; }

  std::mutex mutex_;
  std::condition_variable more_;
  std::array<int, 4> counts_{};
};

class VerifierThreadTest : public testing::Test {
 protected:
  VerifierThreadTest() { config_.public_key_file = folder_.file("key.pem", signer_.public_pem()); }

  // Holds the verifier's thread in a callback until release() is called.
  void hold(Verifier& verifier) {
    std::promise<void> held;
    verifier.verify(forge::token(signer_, "ES256", R"({"sub":"first","exp":253402300799})"),
                    [&](const Verdict&) {
                      held.set_value();
                      released_.get_future().wait();
                    });
    ASSERT_EQ(held.get_future().wait_for(deadline), std::future_status::ready);
  }
  void release() { released_.set_value(); }

  // A token that needs the thread and is false; each number gives another one.
  std::string forged(int number) const {
    const std::string text = forge::base64url(R"({"alg":"ES256"})") + '.' +
                             forge::base64url(R"({"sub":")" + std::to_string(number) + "\"}");
    return text + '.' + forge::base64url(std::string(64, '\1'));
  }

  Folder folder_;
  const Signer signer_ = Signer::ec();
  AuthConfig config_;
  std::promise<void> released_;
  Answers answers_;
};

TEST_F(VerifierThreadTest, ManyWhoComeWithOneTokenCostOneVerification) {
  Verifier verifier(config_);
  const auto token = forge::token(signer_, "ES256", ada);
  std::vector<std::thread> lanes;
  for (int lane = 0; lane < 4; ++lane)
    lanes.emplace_back([&] {
      for (int i = 0; i < 2500; ++i) verifier.verify(token, answers_.one());
    });
  for (auto& lane : lanes) lane.join();
  ASSERT_TRUE(answers_.wait_for(10'000));
  EXPECT_EQ(answers_.of(TokenFault::none), 10'000);
  EXPECT_EQ(verifier.verifications(), 1u);
}

TEST_F(VerifierThreadTest, EqualFalseTokensThatWaitAreCheckedOnce) {
  Verifier verifier(config_);
  ASSERT_NO_FATAL_FAILURE(hold(verifier));
  for (int i = 0; i < 1000; ++i) verifier.verify(forged(1), answers_.one());
  EXPECT_EQ(answers_.total(), 0);
  release();
  ASSERT_TRUE(answers_.wait_for(1000));
  EXPECT_EQ(answers_.of(TokenFault::invalid), 1000);
  EXPECT_EQ(verifier.verifications(), 2u);
}

// Else whoever comes with such a token later would wait for an answer that never comes.
TEST_F(VerifierThreadTest, ATokenThatThereIsNoMemoryForWaitsInNoLine) {
  constexpr int tokens = 60;
  Verifier verifier(config_);
  ASSERT_NO_FATAL_FAILURE(hold(verifier));
  int answered = 0;
  int failed = 0;
  for (int i = 0; i < tokens; ++i) {
    const std::string token = forged(i);
    auto done = answers_.one();
    try {
      const ShortMemory memory(static_cast<std::size_t>(i));
      verifier.verify(token, std::move(done));
      ++answered;
    } catch (const std::bad_alloc&) {
      ++failed;
    }
  }
  EXPECT_GT(failed, 5);
  EXPECT_LT(failed, tokens);
  release();
  for (int i = 0; i < tokens; ++i) verifier.verify(forged(i), answers_.one());
  EXPECT_TRUE(answers_.wait_for(answered + tokens));
}

TEST_F(VerifierThreadTest, OfEachAddressOneIsCheckedInTurn) {
  Verifier verifier(config_);
  ASSERT_NO_FATAL_FAILURE(hold(verifier));
  std::string order;
  int number = 0;
  const auto come = [&](char from, int count) {
    for (int i = 0; i < count; ++i)
      verifier.verify(
          forged(number++),
          [&order, from, answered = answers_.one()](const Verdict& verdict) {
            order += from;
            answered(verdict);
          },
          std::string(1, from));
  };
  come('a', 5);
  come('b', 1);
  come('c', 2);
  release();
  ASSERT_TRUE(answers_.wait_for(8));
  EXPECT_EQ(order, "abcacaaa");
}

TEST_F(VerifierThreadTest, HmacAndRememberedTokensDoNotWaitForTheThread) {
  config_.hs256_secret = forge::random_secret();
  Verifier verifier(config_);
  const auto known = forge::token(signer_, "ES256", ada);
  verifier.verify(known, answers_.one());
  ASSERT_TRUE(answers_.wait_for(1));
  ASSERT_NO_FATAL_FAILURE(hold(verifier));
  verifier.verify(known, answers_.one());
  EXPECT_EQ(answers_.of(TokenFault::none), 2);
  verifier.verify(forge::token(Signer::secret(config_.hs256_secret), "HS256", ada), answers_.one());
  EXPECT_EQ(answers_.of(TokenFault::none), 3);
  verifier.verify("no token", answers_.one());
  EXPECT_EQ(answers_.of(TokenFault::invalid), 1);
  release();
}

// Each from an address of its own.
TEST_F(VerifierThreadTest, MoreThan16384WaitingTokensAreAnsweredBusy) {
  Verifier verifier(config_);
  ASSERT_NO_FATAL_FAILURE(hold(verifier));
  for (int i = 0; i < 16'384; ++i) verifier.verify(forged(i), answers_.one(), std::to_string(i));
  EXPECT_EQ(answers_.total(), 0);
  verifier.verify(forged(16'384), answers_.one(), "16384");
  EXPECT_EQ(answers_.of(TokenFault::busy), 1);
  verifier.verify(forged(17), answers_.one());
  EXPECT_EQ(answers_.total(), 1) << "one that waits already takes no more room";
  release();
  verifier.stop();
  EXPECT_EQ(answers_.total(), 16'386);
}

TEST_F(VerifierThreadTest, MoreThan64MebibytesOfWaitingTokensAreAnsweredBusy) {
  Verifier verifier(config_);
  ASSERT_NO_FATAL_FAILURE(hold(verifier));
  const auto large = [&](int number) {
    const std::string token = forged(number);
    const std::size_t payload = token.find('.') + 1;
    return token.substr(0, payload) + std::string(16 * 1024 - token.size(), 'A') +
           token.substr(payload);
  };
  int taken = 0;
  for (; answers_.total() == 0 && taken < 5000; ++taken)
    verifier.verify(large(10'000 + taken), answers_.one(), std::to_string(taken));
  EXPECT_EQ(answers_.of(TokenFault::busy), 1);
  EXPECT_EQ(taken, 4097);
  release();
  ASSERT_TRUE(answers_.wait_for(taken));
  EXPECT_EQ(answers_.of(TokenFault::invalid), 4096);
  verifier.verify(large(20'000), answers_.one());
  ASSERT_TRUE(answers_.wait_for(taken + 1));
  EXPECT_EQ(answers_.of(TokenFault::busy), 1) << "there is room again";
}

TEST_F(VerifierThreadTest, CallersAreBoundedToo) {
  Verifier verifier(config_);
  ASSERT_NO_FATAL_FAILURE(hold(verifier));
  const auto token = forged(1);
  const auto from = [](int number) { return std::to_string(number % 4096); };
  for (int i = 0; i < 131'072; ++i) verifier.verify(token, answers_.one(), from(i));
  EXPECT_EQ(answers_.total(), 32) << "of the last address, which has as many as are left";
  verifier.verify(token, answers_.one(), "one more");
  EXPECT_EQ(answers_.total(), 32);
  release();
  ASSERT_TRUE(answers_.wait_for(131'073));
}

// Behind one address may be somebody who wants nobody else to come in.
TEST_F(VerifierThreadTest, OneAddressFillsNeitherThePlacesOfTokensNorOfCallers) {
  Verifier verifier(config_);
  ASSERT_NO_FATAL_FAILURE(hold(verifier));
  for (int i = 0; i < 17'000; ++i) verifier.verify(forged(i), answers_.one(), "a");
  EXPECT_EQ(answers_.of(TokenFault::busy), 17'000 - 8'192);
  for (int i = 0; i < 132'000; ++i) verifier.verify(forged(1), answers_.one(), "a");
  const int refused = 17'000 - 8'192 + 132'000 - (65'536 - 8'192);
  EXPECT_EQ(answers_.of(TokenFault::busy), refused);
  verifier.verify(forge::token(signer_, "ES256", ada), answers_.one(), "b");
  verifier.verify(forged(1), answers_.one(), "b");
  EXPECT_EQ(answers_.total(), refused) << "there is room for them";
  release();
  ASSERT_TRUE(answers_.wait_for(17'000 + 132'000 + 2));
  EXPECT_EQ(answers_.of(TokenFault::none), 1);
  EXPECT_EQ(answers_.of(TokenFault::busy), refused);
}

// Who is not told is not read, either: an answer that fails, or a token, costs nobody else his.
TEST_F(VerifierThreadTest, AnAnswerThatFailsKeepsNoOtherFromBeingGiven) {
  Verifier verifier(config_);
  ASSERT_NO_FATAL_FAILURE(hold(verifier));
  verifier.verify(forged(1), [](const Verdict&) { throw std::bad_alloc(); });
  verifier.verify(forged(1), answers_.one());
  verifier.verify(forged(2), answers_.one());
  release();
  EXPECT_TRUE(answers_.wait_for(2));
}

// `shortage` lives on the verifier's thread, from one answer to the next.
TEST_F(VerifierThreadTest, ATokenThatCannotBeJudgedForWantOfMemoryIsAnsweredBusy) {
  Verifier verifier(config_);
  const int busy_max = 200;
  for (int passed = 0; passed < busy_max; ++passed) {
    std::unique_ptr<ShortMemory> shortage;
    const auto token = forge::token(signer_, "ES256", ada);
    verifier.verify(token, [&, passed](const Verdict&) {
      shortage = std::make_unique<ShortMemory>(static_cast<std::size_t>(passed));
    });
    verifier.verify(forged(passed), [&, answered = answers_.one()](const Verdict& verdict) {
      shortage.reset();
      answered(verdict);
    });
    ASSERT_TRUE(answers_.wait_for(passed + 1)) << passed;
    verifier.reload(config_);
  }
  EXPECT_GT(answers_.of(TokenFault::busy), 3);
  EXPECT_GT(answers_.of(TokenFault::invalid), 0);
}

TEST_F(VerifierThreadTest, TokensThatWaitAreJudgedByTheNewKeys) {
  Verifier verifier(config_);
  ASSERT_NO_FATAL_FAILURE(hold(verifier));
  const Signer next = Signer::ec();
  verifier.verify(forge::token(signer_, "ES256", ada), answers_.one());
  verifier.verify(forge::token(next, "ES256", ada), answers_.one());
  config_.public_key_file = folder_.file("next.pem", next.public_pem());
  verifier.reload(config_);
  release();
  ASSERT_TRUE(answers_.wait_for(2));
  EXPECT_EQ(answers_.of(TokenFault::invalid), 1);
  EXPECT_EQ(answers_.of(TokenFault::none), 1);
}

TEST_F(VerifierThreadTest, StopAnswersEveryoneOnce) {
  Verifier verifier(config_);
  ASSERT_NO_FATAL_FAILURE(hold(verifier));
  for (int i = 0; i < 500; ++i) verifier.verify(forged(i % 250), answers_.one());
  release();
  verifier.stop();
  EXPECT_EQ(answers_.total(), 500);
  verifier.verify(forged(1), answers_.one());
  EXPECT_EQ(answers_.total(), 501);
  verifier.stop();
  EXPECT_EQ(answers_.total(), 501);
}

TEST_F(VerifierThreadTest, LanesMayAskWhileKeysAreReloaded) {
  config_.hs256_secret = forge::random_secret();
  Verifier verifier(config_);
  const Signer secret = Signer::secret(config_.hs256_secret);
  std::vector<std::string> tokens;
  for (int i = 0; i < 10; ++i) {
    const std::string claims = R"({"sub":"u)" + std::to_string(i) + R"(","exp":253402300799})";
    tokens.push_back(forge::token(signer_, "ES256", claims));
    tokens.push_back(forge::token(secret, "HS256", claims));
  }
  std::vector<std::thread> lanes;
  for (int lane = 0; lane < 3; ++lane)
    lanes.emplace_back([&] {
      for (int i = 0; i < 400; ++i)
        verifier.verify(tokens[static_cast<std::size_t>(i) % tokens.size()], answers_.one());
    });
  for (int i = 0; i < 20; ++i) {
    verifier.reload(config_);
    EXPECT_FALSE(verifier.open());
  }
  for (auto& lane : lanes) lane.join();
  ASSERT_TRUE(answers_.wait_for(1200));
  EXPECT_EQ(answers_.of(TokenFault::none), 1200);
}

}  // namespace
}  // namespace zws
