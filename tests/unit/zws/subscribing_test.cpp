#include "subscribing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace zws::tool {
namespace {

using ::testing::ElementsAre;

TEST(SubscribingTest, WhatIsResumedComesFirstAndAPatternAlone) {
  const std::vector<Wanted> wanted{{"a", R"(["s:1"])"},
                                   {"new", ""},
                                   {"b\"", R"(["s:2","t:3"])"},
                                   {"c:*", R"({"c:1":["s:4"]})"},
                                   {"n:*", ""}};
  EXPECT_THAT(
      subscribe_messages(wanted, 3),
      ElementsAre(
          R"({"type":"subscribe","topics":["a","b\""],"since":{"a":["s:1"],"b\"":["s:2","t:3"]}})",
          R"({"type":"subscribe","topic":"c:*","since":{"c:1":["s:4"]}})",
          R"({"type":"subscribe","topics":["new","n:*"],"last":3})"));
  EXPECT_THAT(subscribe_messages({{"a", ""}}, 0),
              ElementsAre(R"({"type":"subscribe","topics":["a"]})"));
}

TEST(SubscribingTest, AThousandLongNamesGoInMessagesThatTheBridgeTakes) {
  for (const char* since : {"", R"(["s:1"])"}) {
    std::vector<Wanted> wanted;
    for (int i = 0; i < 1000; ++i)
      wanted.push_back({std::string(250, 'x') + std::to_string(i), since});
    std::size_t names = 0;
    const std::vector<std::string> messages = subscribe_messages(wanted, 0);
    for (const std::string& message : messages) {
      EXPECT_LT(message.size(), 65'536U);
      names += nlohmann::json::parse(message)["topics"].size();
    }
    EXPECT_EQ(names, wanted.size());
    EXPECT_LT(messages.size(), 20U);
  }
}

TEST(SubscribingTest, AMessageHoldsNoMorePositionsThanTheBridgeTakes) {
  const nlohmann::json many(std::vector<std::string>(200, "s:1"));
  const std::vector<Wanted> wanted(5, {"a", many.dump()});
  EXPECT_EQ(subscribe_messages(wanted, 0).size(), 3U);
}

}  // namespace
}  // namespace zws::tool
