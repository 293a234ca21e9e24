#include "auth/grants.hpp"

#include <gtest/gtest.h>

namespace zws {
namespace {

class GrantsTest : public testing::Test {
 protected:
  static Pattern pattern(std::string_view text) { return *Pattern::parse(text); }

  static Identity user(std::string name) {
    Identity identity;
    identity.user = std::move(name);
    return identity;
  }

  bool anonymous(std::string_view wanted) {
    return Grants(config_, nullptr, false).allows(pattern(wanted));
  }
  bool allows(const Identity& identity, std::string_view wanted) {
    return Grants(config_, &identity, false).allows(pattern(wanted));
  }

  AuthConfig config_;
};

TEST_F(GrantsTest, AnonymousHearsAllAndWhatIsConfigured) {
  EXPECT_TRUE(anonymous("@all"));
  EXPECT_FALSE(anonymous("system_status"));
  config_.anonymous.subscribe = {"public:*", "{user}"};
  EXPECT_TRUE(anonymous("public:*"));
  EXPECT_TRUE(anonymous("public:a"));
  EXPECT_TRUE(anonymous("{user}"));
  EXPECT_FALSE(anonymous("*"));
  EXPECT_FALSE(anonymous("@user/"));
  EXPECT_FALSE(anonymous("@user/ada"));
}

TEST_F(GrantsTest, AUserHearsEverythingByDefaultButNoForeignReservedName) {
  const auto ada = user("ada");
  EXPECT_TRUE(allows(ada, "*"));
  EXPECT_TRUE(allows(ada, "import:task-1"));
  EXPECT_TRUE(allows(ada, "@all"));
  EXPECT_TRUE(allows(ada, "@user/ada"));
  for (const char* foreign :
       {"@user/bob", "@user/ada2", "@user/*", "@*", "@", "@all*", "@user/ada/*"})
    EXPECT_FALSE(allows(ada, foreign)) << foreign;
}

TEST_F(GrantsTest, TheClaimTopicsTakesThePlaceOfTheConfiguration) {
  auto ada = user("ada");
  ada.topics = {pattern("import:*"), pattern("{user}")};
  EXPECT_TRUE(allows(ada, "import:*"));
  EXPECT_TRUE(allows(ada, "import:"));
  EXPECT_FALSE(allows(ada, "import*"));
  EXPECT_FALSE(allows(ada, "*"));
  EXPECT_FALSE(allows(ada, "import"));
  EXPECT_FALSE(allows(ada, "ada")) << "a token is not filled in";
  EXPECT_TRUE(allows(ada, "{user}"));
  ada.topics->clear();
  EXPECT_FALSE(allows(ada, "import:a"));
  EXPECT_TRUE(allows(ada, "@user/ada"));
}

TEST_F(GrantsTest, OneGrantedPatternMustCoverAllOfIt) {
  auto ada = user("ada");
  ada.topics = {pattern("a:b*"), pattern("a:c*")};
  EXPECT_FALSE(allows(ada, "a:*"));
  ada.topics = {pattern("*.x"), pattern("*:*")};
  EXPECT_TRUE(allows(ada, "*.x"));
  EXPECT_FALSE(allows(ada, "*.*"));
}

TEST_F(GrantsTest, UserIsInsertedLiterallyWhereverItStands) {
  config_.user.subscribe = {"home:{user}:*", "{user}", "{user}.*.{user}"};
  EXPECT_TRUE(allows(user("ada"), "home:ada:*"));
  EXPECT_TRUE(allows(user("ada"), "ada"));
  EXPECT_TRUE(allows(user("ada"), "ada.*.ada"));
  EXPECT_FALSE(allows(user("ada"), "home:bob:*"));
  EXPECT_FALSE(allows(user("ada"), "home:{user}:*"));
  EXPECT_TRUE(allows(user("a:b"), "home:a:b:x"));
  EXPECT_TRUE(allows(user("{user}"), "home:{user}:x"));
  EXPECT_FALSE(allows(user("{user}"), "home:{user}{user}:x"));
}

TEST_F(GrantsTest, ANameCannotMakeAPatternOfWhatIsNone) {
  config_.user.subscribe = {"{user}*:x", "*{user}", "im*{user}"};
  for (const char* name : {"a:", "a", ":x", ":"}) {
    EXPECT_FALSE(allows(user(name), "a:b:x")) << name;
    EXPECT_FALSE(allows(user(name), "*:x")) << name;
    EXPECT_FALSE(allows(user(name), "*")) << name;
  }
}

TEST_F(GrantsTest, ANameThatStartsWithAtOpensNoReservedName) {
  config_.user.subscribe = {"{user}", "{user}/*"};
  EXPECT_FALSE(allows(user("@user"), "@user/bob"));
  EXPECT_FALSE(allows(user("@user/bob"), "@user/bob"));
  EXPECT_TRUE(allows(user("@user/bob"), "@user/@user/bob"));
}

TEST_F(GrantsTest, AnAdministratorHearsEverythingButForeignReservedNames) {
  auto root = user("root");
  root.admin = true;
  root.topics = {pattern("import:*")};
  EXPECT_TRUE(allows(root, "*"));
  EXPECT_TRUE(allows(root, "@user/root"));
  EXPECT_FALSE(allows(root, "@user/ada"));
}

TEST_F(GrantsTest, OpenModeGrantsEverythingButForeignReservedNames) {
  const Grants open(config_, nullptr, true);
  EXPECT_TRUE(open.allows(pattern("*")));
  EXPECT_TRUE(open.allows(pattern("import:task-1")));
  EXPECT_TRUE(open.allows(pattern("@all")));
  EXPECT_FALSE(open.allows(pattern("@user/ada")));
  EXPECT_FALSE(open.allows(pattern("@user/")));
}

}  // namespace
}  // namespace zws
