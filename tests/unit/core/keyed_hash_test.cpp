// A hash whose places nobody outside can foretell.
#include "core/keyed_hash.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <set>
#include <string>

#include "core/topic.hpp"

namespace zws {
namespace {

// As Python has it for bytes, with PYTHONHASHSEED=0.
TEST(KeyedHashTest, IsSipHash13) {
  constexpr HashKey none{0, 0};
  EXPECT_EQ(keyed_hash("a", none), 0x407448D2B89B1813U);
  EXPECT_EQ(keyed_hash("import:t", none), 0x93117EC439BD6EB6U);
  EXPECT_EQ(keyed_hash("import:task-1", none), 0x7D72B50DCB9C5607U);
  EXPECT_EQ(keyed_hash("0123456789abcdef", none), 0x1D42B30F7E060C24U);
  EXPECT_EQ(keyed_hash(std::string(255, 'x'), none), 0x4BD34C40EF7D284BU);
}

TEST(KeyedHashTest, AnotherKeyIsAnotherHash) {
  EXPECT_NE(keyed_hash("import:task-1", {1, 2}), keyed_hash("import:task-1", {1, 3}));
  EXPECT_NE(keyed_hash("import:task-1", {1, 2}), keyed_hash("import:task-1", {2, 2}));
}

// Whoever subscribed to some thousands of these made each event of "witnessed" look at all of them.
TEST(KeyedHashTest, NamesThatWereChosenToShareAPlaceDoNot) {
  constexpr std::array names{
      std::string_view("ZkFQyAykN3K'z^ih"), std::string_view("NF3b8R2v2Ef2ieF0"),
      std::string_view("q7dJwgNl7>v4g[3T"), std::string_view("ImPZB4tG6FKxs,0D"),
      std::string_view("TYw_tI0T(v)o|2_F"), std::string_view("YtJOeV2_$I6|I[AD"),
      std::string_view("THtG0sMEh]mc-DoL"), std::string_view("bN2Kkt7a1Zb'UAvT")};
  std::set<std::uint64_t> topics;
  for (const std::string_view name : names) {
    topics.insert(topic_hash(name));
#ifdef __GLIBCXX__
    EXPECT_EQ(std::hash<std::string_view>{}(name), std::hash<std::string_view>{}("witnessed"));
#endif
  }
  topics.insert(topic_hash("witnessed"));
  EXPECT_EQ(topics.size(), names.size() + 1);
}

}  // namespace
}  // namespace zws
