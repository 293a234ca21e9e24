#include "core/topic.hpp"

#include <gtest/gtest.h>

namespace zws {
namespace {

TEST(TopicTest, OrdinaryNamesAreValid) {
  for (const char* name :
       {"import:task-1", "wallet_updates", "a", "a b", "温度/1", "a@b", " ", "{}"})
    EXPECT_EQ(topic_fault(name), TopicFault::none) << name;
  EXPECT_EQ(topic_fault(std::string(255, 'a')), TopicFault::none);
}

TEST(TopicTest, EachFaultIsNamed) {
  EXPECT_EQ(topic_fault(""), TopicFault::empty);
  EXPECT_EQ(topic_fault(std::string(256, 'a')), TopicFault::too_long);
  EXPECT_EQ(topic_fault("a\xff"), TopicFault::not_utf8);
  EXPECT_EQ(topic_fault("a\nb"), TopicFault::control);
  EXPECT_EQ(topic_fault("import:*"), TopicFault::wildcard);
  EXPECT_EQ(topic_fault("@admin"), TopicFault::reserved);
}

TEST(TopicTest, OfTheReservedNamesOnlyAllAndAUsersOwnAreTopics) {
  EXPECT_EQ(topic_fault("@all"), TopicFault::none);
  EXPECT_EQ(topic_fault("@user/ada"), TopicFault::none);
  EXPECT_EQ(topic_fault("@user/a/b"), TopicFault::none);
  for (const char* name : {"@", "@user", "@user/", "@users/ada", "@all2", "@ALL"})
    EXPECT_EQ(topic_fault(name), TopicFault::reserved) << name;
}

TEST(TopicTest, ControlCharactersOfEveryKindAreRefused) {
  EXPECT_EQ(topic_fault(std::string_view("a\0b", 3)), TopicFault::control);
  EXPECT_EQ(topic_fault("\x1f"), TopicFault::control);
  EXPECT_EQ(topic_fault("\x7f"), TopicFault::control);
  EXPECT_EQ(topic_fault("\xc2\x80"), TopicFault::control);
  EXPECT_EQ(topic_fault("\xc2\x9f"), TopicFault::control);
  EXPECT_EQ(topic_fault("\xc2\xa0"), TopicFault::none);
}

TEST(TopicTest, OnlyShortestFormsOfRealCharactersAreUtf8) {
  EXPECT_TRUE(is_utf8("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"));
  for (const char* text : {
           "\x80",              // a continuation alone
           "\xc2",              // cut short
           "\xe6\xb8",          // cut short
           "\xc0\xaf",          // overlong
           "\xe0\x9f\xbf",      // overlong
           "\xf0\x8f\xbf\xbf",  // overlong
           "\xed\xa0\x80",      // a surrogate
           "\xf4\x90\x80\x80",  // above U+10FFFF
           "\xf5\x80\x80\x80",  // never a first byte
           "\xc2\x41",          // not continued
       })
    EXPECT_FALSE(is_utf8(text));
}

TEST(TopicTest, HashIsAFunctionOfTheBytes) {
  EXPECT_EQ(topic_hash("import:task-1"), topic_hash(std::string("import:") + "task-1"));
  EXPECT_NE(topic_hash("import:task-1"), topic_hash("import:task-10"));
}

}  // namespace
}  // namespace zws
