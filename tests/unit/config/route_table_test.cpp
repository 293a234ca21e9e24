// Which route a topic takes.
#include "config/route_table.hpp"

#include <gtest/gtest.h>

#include "config/load.hpp"

namespace zws {
namespace {

RouteTable table(const char* text) { return RouteTable(parse_config(text, "routes.toml", {})); }

TEST(RouteTableTest, FirstRouteThatMatchesAppliesWhole) {
  const RouteTable routes = table(R"(
    [history]
    size = 7
    ttl = "1m"
    [[route]]
    match = "import:*"
    replay = 1
    [[route]]
    match = "*"
    replay = 2
    history = 0
    ttl = "1h"
    overflow = "disconnect"
  )");
  const Route& import = routes.match("import:1");
  EXPECT_EQ(import.replay, 1u);
  EXPECT_EQ(import.history, 7u);
  EXPECT_EQ(import.ttl, Duration{60'000});
  EXPECT_EQ(import.overflow, Overflow::drop_oldest);
  const Route& other = routes.match("wallet_updates");
  EXPECT_EQ(other.replay, 2u);
  EXPECT_EQ(other.history, 0u);
  EXPECT_EQ(other.ttl, Duration{3'600'000});
  EXPECT_EQ(other.overflow, Overflow::disconnect);
}

TEST(RouteTableTest, APatternMayBringAsMuchAsTheRouteThatReplaysMost) {
  EXPECT_EQ(table("").replay_max(), 0u);
  EXPECT_EQ(table("[[route]]\nmatch = \"a\"\nreplay = 5\n[[route]]\nmatch = \"b\"\nreplay = 2\n")
                .replay_max(),
            5u);
}

TEST(RouteTableTest, TopicWithoutARouteTakesTheDefaults) {
  const RouteTable routes = table("[[route]]\nmatch = \"a\"\nreplay = 5\n");
  EXPECT_EQ(routes.match("b").replay, 0u);
  EXPECT_EQ(routes.match("b").history, 100u);
}

}  // namespace
}  // namespace zws
