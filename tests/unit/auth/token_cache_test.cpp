#include "auth/token_cache.hpp"

#include <gtest/gtest.h>

#include "support/short_memory.hpp"

namespace zws {
namespace {

constexpr std::size_t plenty = 1 << 20;

TokenDigest digest(int number) { return digest_of(std::to_string(number)); }

IdentityPtr identity(const std::string& user, std::size_t patterns = 0) {
  auto made = std::make_shared<Identity>();
  made->user = user;
  if (patterns > 0)
    made->topics.emplace(patterns, *Pattern::parse("a:topic:of:more:than:sixteen:bytes"));
  return made;
}

TEST(TokenCacheTest, WhatWasPutInIsFound) {
  TokenCache cache(10, plenty);
  EXPECT_FALSE(cache.find(digest(1)));
  cache.insert(digest(1), identity("ada"));
  ASSERT_TRUE(cache.find(digest(1)));
  EXPECT_EQ(cache.find(digest(1))->user, "ada");
  EXPECT_FALSE(cache.find(digest(2)));
  cache.erase(digest(1));
  cache.erase(digest(1));
  EXPECT_FALSE(cache.find(digest(1)));
}

TEST(TokenCacheTest, TheLongestUnusedLeavesFirst) {
  TokenCache cache(3, plenty);
  for (int i = 1; i <= 3; ++i) cache.insert(digest(i), identity("ada"));
  EXPECT_TRUE(cache.find(digest(1)));
  cache.insert(digest(4), identity("ada"));
  EXPECT_EQ(cache.size(), 3u);
  EXPECT_TRUE(cache.find(digest(1)));
  EXPECT_FALSE(cache.find(digest(2)));
}

TEST(TokenCacheTest, BytesAreBoundedToo) {
  TokenCache cache(1000, 100'000);
  for (int i = 0; i < 100; ++i) cache.insert(digest(i), identity("ada", 100));
  EXPECT_GT(cache.size(), 2u);
  EXPECT_LT(cache.size(), 20u);
  EXPECT_TRUE(cache.find(digest(99)));
  cache.insert(digest(100), identity("ada", 10'000));
  EXPECT_FALSE(cache.find(digest(100)));
  EXPECT_TRUE(cache.find(digest(99))) << "what can have no place takes nobody else's";
}

TEST(TokenCacheTest, PuttingInTwiceKeepsOne) {
  TokenCache cache(3, plenty);
  cache.insert(digest(1), identity("ada"));
  cache.insert(digest(1), identity("bob"));
  EXPECT_EQ(cache.size(), 1u);
  EXPECT_EQ(cache.find(digest(1))->user, "bob");
}

TEST(TokenCacheTest, WhatThereIsNoMemoryForLeavesNothingBehind) {
  int failed = 0;
  for (std::size_t passed = 0; passed < 10; ++passed) {
    TokenCache cache(3, plenty);
    IdentityPtr ada = identity("ada");
    const std::weak_ptr<const Identity> still_there = ada;
    try {
      const ShortMemory memory(passed);
      cache.insert(digest(1), std::move(ada));
      continue;
    } catch (const std::bad_alloc&) {
      ++failed;
    }
    ada.reset();
    ASSERT_TRUE(still_there.expired()) << "in no place, from which it could leave";
    for (int i = 1; i <= 4; ++i) cache.insert(digest(i), identity("bob"));
    EXPECT_EQ(cache.size(), 3U);
  }
  EXPECT_GT(failed, 1);
}

TEST(TokenCacheTest, ClearForgetsAll) {
  TokenCache cache(3, plenty);
  cache.insert(digest(1), identity("ada"));
  cache.clear();
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_FALSE(cache.find(digest(1)));
}

TEST(TokenCacheTest, TheDigestIsSha256) {
  const TokenDigest empty = digest_of("");
  EXPECT_EQ(empty[0], 0xe3);
  EXPECT_EQ(empty[31], 0x55);
}

}  // namespace
}  // namespace zws
