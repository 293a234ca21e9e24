#include "relay/redis_fault.hpp"

#include <gtest/gtest.h>

#include "unit/relay/redis_answers.hpp"

namespace zws {
namespace {

std::string shown(const std::string& text, const std::string& who = "ada:open-sesame@") {
  return RedisFault(RedisUrl::parse("redis://" + who + "127.0.0.1")).shown(text);
}

TEST(RedisFault, WhatRedisSaysIsShown) {
  EXPECT_EQ(shown("OOM command not allowed when used memory > 'maxmemory'."),
            "OOM command not allowed when used memory > 'maxmemory'.");
  EXPECT_EQ(shown("", ""), "");
}

TEST(RedisFault, WhatItWasSentIsNotRepeated) {
  EXPECT_EQ(shown("ERR unknown command 'AUTH', with args beginning with: 'x' 'open-sesame' "),
            "ERR unknown command 'AUTH'");
  EXPECT_EQ(
      shown("ERR unknown command `XADD`, with args beginning with: `zws:`, `{\"private\":1}`"),
      "ERR unknown command `XADD`");
}

TEST(RedisFault, UserAndPasswordAreHiddenWhereverTheyStand) {
  EXPECT_EQ(shown("NOPERM User ada has no permissions to run 'info': ada/open-sesame,xopen-sesame"),
            "NOPERM User *** has no permissions to run 'info': ***/***,x***");
  EXPECT_EQ(shown("NOPERM of canada", ":a b%25@"), "NOPERM of canada");
  EXPECT_EQ(shown("no: a b%", ":a b%25@"), "no: ***") << "as it is sent, not as the URL writes it";
  EXPECT_EQ(shown("adada ada-1 ada"), "adada ada-1 ***") << "a name inside of a word is none";
}

TEST(RedisFault, ItIsHarmlessAndHasAnEnd) {
  EXPECT_EQ(shown("a\nb\x01"), "a\\x0ab\\x01");
  EXPECT_LE(shown(std::string(100'000, 'x')).size(), RedisFault::text_max + 3);
  const std::string longer = shown(std::string(RedisFault::text_max - 4, 'x') + "open-sesame");
  EXPECT_EQ(longer.find("open"), std::string::npos) << "hidden before it is cut";
}

TEST(RedisFault, AnAnswerWithoutTextSaysNothing) {
  const Reply number = reply(":7\r\n");
  const Reply error = reply("-ERR no\r\n");
  const RedisFault fault(RedisUrl::parse("redis://127.0.0.1"));
  EXPECT_EQ(fault.shown(*number), "");
  EXPECT_EQ(fault.shown(*error), "ERR no");
}

}  // namespace
}  // namespace zws
