// What somebody meant who wrote another name.
#include "core/spelling.hpp"

#include <gtest/gtest.h>

namespace zws {
namespace {

TEST(SpellingTest, LettersAreInsertedDeletedReplacedOrSwapped) {
  EXPECT_EQ(letters_between("", ""), 0u);
  EXPECT_EQ(letters_between("", "abc"), 3u);
  EXPECT_EQ(letters_between("sub", "sbu"), 1u);
  EXPECT_EQ(letters_between("topics", "topic"), 1u);
  EXPECT_EQ(letters_between("kick", "sick"), 1u);
}

TEST(SpellingTest, TheNearestIsMeantIfItIsNearEnough) {
  EXPECT_EQ(meant_by("target_user", {"title", "target_users"}), "target_users");
  EXPECT_EQ(meant_by("stat", {"start", "stats"}), "start");  // of two as near the first
  EXPECT_EQ(meant_by("xyz", {"sub", "pub"}), "");
  EXPECT_EQ(meant_by("a", {"b"}), "");
  EXPECT_EQ(meant_by(std::string(1000, 'a'), {"a"}), "");
  EXPECT_EQ(meant_by("a", {}), "");
}

}  // namespace
}  // namespace zws
