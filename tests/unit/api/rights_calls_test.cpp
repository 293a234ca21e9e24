// What somebody may hear, and by what.
#include "api/rights_calls.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zws {
namespace {

using testing::HasSubstr;

class RightsTest : public testing::Test {
 protected:
  RightsTest() {
    config_.user.subscribe = {"inbox:{user}:*"};
    config_.roles["ops"].subscribe = {"ops:*"};
    config_.roles["ops"].may = {"stats", "disconnect"};
    ada_.user = "ada";
    ada_.roles = {"ops"};
  }

  std::string asked(const std::string& topic) const { return rights_json(config_, ada_, {topic}); }

  AuthConfig config_;
  Identity ada_;
};

TEST_F(RightsTest, WhoItIsAndWhatItMayIsTold) {
  ada_.expires = "2030-01-01T00:00:00.000Z";
  const std::string json = rights_json(config_, ada_, {});
  EXPECT_THAT(json, HasSubstr(R"({"valid":true,"user":"ada","admin":false,"roles":["ops"],)"
                              R"("expires":"2030-01-01T00:00:00.000Z")"));
  EXPECT_THAT(json, HasSubstr(R"({"pattern":"ops:*","from":"auth.roles.ops.subscribe"})"));
  EXPECT_THAT(json, HasSubstr(R"("calls":["stats","disconnect"])"));
}

TEST_F(RightsTest, WhatIsAskedForIsGrantedByTheRightThatCoversIt) {
  EXPECT_THAT(asked("inbox:ada:1"),
              HasSubstr(R"({"topic":"inbox:ada:1","granted":true,"by":)"
                        R"({"pattern":"inbox:ada:*","from":"auth.user.subscribe"}})"));
  EXPECT_THAT(asked("ops:*"), HasSubstr(R"("granted":true,"by":{"pattern":"ops:*")"));
  EXPECT_THAT(asked("@all"), HasSubstr(R"("granted":true,"by":{"pattern":"@all")"));
  EXPECT_THAT(asked("inbox:ada:*"), HasSubstr(R"("granted":true,"by":{"pattern":"inbox:ada:*")"));
  for (const char* topic : {"inbox:bob:1", "*", "@stats", "@user/bob", "a*b", ""})
    EXPECT_THAT(asked(topic), HasSubstr(R"("granted":false,"by":null)")) << topic;
}

TEST_F(RightsTest, AnAdministratorHasAll) {
  ada_.admin = true;
  EXPECT_THAT(asked("x"), HasSubstr(R"("by":{"pattern":"*","from":"auth.claims.admin"})"));
  EXPECT_THAT(asked("@stats"), HasSubstr(R"("granted":true)"));
  EXPECT_THAT(asked("@user/bob"), HasSubstr(R"("granted":false)"));
}

}  // namespace
}  // namespace zws
