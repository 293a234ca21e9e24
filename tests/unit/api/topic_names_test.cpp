// The names that lanes and the history know, put together for a list.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/topic_calls.hpp"

namespace zws {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(TopicNamesTest, AreEachOnceAndInOrder) {
  EXPECT_THAT(names_together({{"a", "c", "e"}, {}, {"b", "c"}, {"a", "z"}}),
              ElementsAre("a", "b", "c", "e", "z"));
  EXPECT_THAT(names_together({{}, {}}), IsEmpty());
}

TEST(TopicNamesTest, MayComeInAnyOrder) {
  // The busiest of each lane come in the order of their load.
  EXPECT_THAT(names_together({{"b", "a"}, {"c", "a", "b"}, {"d"}}),
              ElementsAre("a", "b", "c", "d"));
}

}  // namespace
}  // namespace zws
