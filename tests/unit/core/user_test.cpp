// What may be the name of a user.
#include "core/user.hpp"

#include <gtest/gtest.h>

#include <string>

#include "core/bidi.hpp"

namespace zws {
namespace {

TEST(UserTest, ANameMayBeAlmostAnything) {
  for (const char* name : {"a", "Zo\u00eb", "a/b", "a b", "{user}", "100%", "..", "@", "\u6e29"})
    EXPECT_TRUE(is_user(name)) << name;
  EXPECT_TRUE(is_user(std::string(user_bytes_max, 'x')));
}

TEST(UserTest, WhatWouldBeAPatternOrDeceiveAReaderIsNoName) {
  for (const char* name : {"", "a*", "*", "a\nb", "\x7f", "\u0085", "\xff", "a\u202eb", "\u061c"})
    EXPECT_FALSE(is_user(name)) << name;
  EXPECT_FALSE(is_user(std::string(user_bytes_max + 1, 'x')));
  EXPECT_FALSE(is_user(std::string_view("a\0b", 3)));
}

TEST(BidiTest, MarksOfDirectionAreKnown) {
  for (const char* mark : {"\u061c", "\u200e", "\u200f", "\u202a", "\u202e", "\u2066", "\u2069"})
    EXPECT_TRUE(has_bidi(std::string("a") + mark + "b")) << mark;
  for (const char* other : {"", "a", "\u200d", "\u2065", "\u202f", "\u06dd"})
    EXPECT_FALSE(has_bidi(other)) << other;
}

}  // namespace
}  // namespace zws
