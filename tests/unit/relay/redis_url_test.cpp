#include "relay/redis_url.hpp"

#include <gtest/gtest.h>

namespace zws {
namespace {

TEST(RedisUrl, WhatIsNotSaidIsRedisOwnDefault) {
  const RedisUrl url = RedisUrl::parse("redis://cache");
  EXPECT_FALSE(url.tls);
  EXPECT_EQ(url.host, "cache");
  EXPECT_EQ(url.port, "6379");
  EXPECT_EQ(url.user, "");
  EXPECT_EQ(url.password, "");
  EXPECT_EQ(url.db, "0");
}

TEST(RedisUrl, UserPasswordPortAndDatabaseAreTakenApart) {
  const RedisUrl url = RedisUrl::parse("rediss://fleet:s%40cr%3Aet/+@cache.example:6380/3");
  EXPECT_TRUE(url.tls);
  EXPECT_EQ(url.host, "cache.example");
  EXPECT_EQ(url.port, "6380");
  EXPECT_EQ(url.user, "fleet");
  EXPECT_EQ(url.password, "s@cr:et/+");
  EXPECT_EQ(url.db, "3");
}

TEST(RedisUrl, APasswordNeedsNoUser) {
  const RedisUrl url = RedisUrl::parse("redis://:secret@127.0.0.1:1/");
  EXPECT_EQ(url.user, "");
  EXPECT_EQ(url.password, "secret");
  EXPECT_EQ(url.port, "1");
  EXPECT_EQ(url.db, "0");
}

TEST(RedisUrl, AnIp6AddressLosesItsBrackets) {
  const RedisUrl url = RedisUrl::parse("redis://[::1]:7000/2");
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.port, "7000");
  EXPECT_EQ(RedisUrl::parse("redis://[fe80::2]").host, "fe80::2");
  EXPECT_EQ(url.place(), "redis://[::1]:7000/2");
}

TEST(RedisUrl, WhatPeopleSeeHoldsNeitherUserNorPassword) {
  EXPECT_EQ(RedisUrl::parse("rediss://fleet:secret@cache:7/1").place(), "rediss://cache:7/1");
}

}  // namespace
}  // namespace zws
