#include "since.hpp"

#include <gtest/gtest.h>

#include "failure.hpp"

namespace zws::tool {
namespace {

TEST(SinceTest, AnIdBelongsToTheTopicBeforeItsLastEqualsSign) {
  const Since since({"a=b", "orders:*"}, {"a=b=k3J9xQ:17", "orders:1=x:2", "orders:1=y:3"});
  EXPECT_EQ(since.json_for("a=b"), R"(["k3J9xQ:17"])");
  EXPECT_EQ(since.json_for("orders:*"), R"({"orders:1":["x:2","y:3"]})");
  EXPECT_EQ(since.json_for("other"), "");
}

TEST(SinceTest, AnIdAloneIsThatOfTheOnlyTopic) {
  EXPECT_EQ(Since({"orders"}, {"x:2"}).json_for("orders"), R"(["x:2"])");
  EXPECT_THROW(Since({"orders", "other"}, {"x:2"}), Failure);
  EXPECT_THROW(Since({"orders:*"}, {"x:2"}), Failure);
  EXPECT_THROW(Since({"orders"}, {"other=x:2"}), Failure);
  EXPECT_THROW(Since({"orders"}, {"no id"}), Failure);
}

}  // namespace
}  // namespace zws::tool
