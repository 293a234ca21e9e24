#include "auth/grants.hpp"

#include <gtest/gtest.h>

#include <random>

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

  // Whether an identity that has asked for `wanted` hears `topic`.
  bool hears(const Identity& identity, std::string_view wanted, std::string_view topic) {
    const auto granted = Grants(config_, &identity, false).granted(pattern(wanted));
    return granted && granted->matches(topic);
  }

  bool anonymous(std::string_view wanted) {
    return Grants(config_, nullptr, false).granted(pattern(wanted)).has_value();
  }
  bool allows(const Identity& identity, std::string_view wanted) {
    return Grants(config_, &identity, false).granted(pattern(wanted)).has_value();
  }

  AuthConfig config_;
};

TEST_F(GrantsTest, OnlyAdministratorsHearStats) {
  Identity root = user("root");
  root.admin = true;
  EXPECT_TRUE(allows(root, "@stats"));
  EXPECT_FALSE(allows(root, "@stat"));
  config_.user.subscribe = {"*", "@stats"};
  EXPECT_FALSE(allows(user("ada"), "@stats"));
  EXPECT_FALSE(anonymous("@stats"));
  EXPECT_FALSE(Grants(config_, nullptr, true).granted(pattern("@stats"))) << "in open mode neither";
}

TEST_F(GrantsTest, EachRightIsToldWithWhenceItComes) {
  config_.user.subscribe = {"inbox:{user}:*"};
  config_.roles["ops"].subscribe = {"ops:*"};
  const auto told = [&](const Identity& identity) {
    std::string all;
    for (const GrantedRight& right : granted_rights(config_, identity)) {
      all += right.pattern.text() + " by " + right.from + '\n';
      EXPECT_TRUE(Grants(config_, &identity, false).granted(right.pattern)) << right.pattern.text();
    }
    return all;
  };
  Identity ada = user("ada");
  ada.roles = {"unknown", "ops"};
  EXPECT_EQ(told(ada),
            "@all by always\n@user/ada by always\ninbox:ada:* by auth.user.subscribe\n"
            "ops:* by auth.roles.ops.subscribe\n");
  ada.topics = std::vector<Pattern>{pattern("x")};
  EXPECT_EQ(told(ada),
            "@all by always\n@user/ada by always\nx by the claim topics\n"
            "ops:* by auth.roles.ops.subscribe\n");
  ada.admin = true;
  EXPECT_EQ(told(ada),
            "@all by always\n@user/ada by always\n* by auth.claims.admin\n"
            "@stats by auth.claims.admin\n");
}

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

TEST_F(GrantsTest, ARightWithAUsersNameNeverReachesANameThatGoesOn) {
  struct Case {
    const char* right;
    const char* user;
    const char* wanted;
    const char* topic;
    bool heard;
  };
  const Case cases[] = {
      {"inbox.{user}.*", "john", "inbox.john.*", "inbox.john.progress", true},
      {"inbox.{user}.*", "john", "inbox.john.*", "inbox.john.a:b/c", true},
      {"inbox.{user}.*", "john", "inbox.john.*", "inbox.john.", true},
      {"inbox.{user}.*", "john", "inbox.john.pro*", "inbox.john.progress", true},
      {"inbox.{user}.*", "john", "inbox.john.progress", "inbox.john.progress", true},
      {"inbox.{user}.*", "john", "inbox.john.*", "inbox.john.smith.x", false},
      {"inbox.{user}.*", "john", "inbox.john.s*", "inbox.john.smith.x", false},
      {"inbox.{user}.*", "john", "inbox.john.smith.x", "inbox.john.smith.x", false},
      {"inbox.{user}.*", "john", "inbox.john.smith.*", "inbox.john.smith.x", false},
      {"inbox.{user}.*", "john", "inbox.john.*.x", "inbox.john.smith.x", false},
      {"inbox.{user}.*", "john", "inbox.*", "inbox.john.x", false},
      {"inbox.{user}.*", "john.smith", "inbox.john.smith.*", "inbox.john.smith.x", true},
      {"inbox.{user}.*", "john.smith", "inbox.john.smith.x", "inbox.john.smith.x", true},
      {"inbox.{user}.*", "john.smith", "inbox.john.*", "inbox.john.x", false},
      {"inbox.{user}.*", "a@b.c", "inbox.a@b.c.*", "inbox.a@b.c.x", true},
      {"inbox.{user}.*", "a@b", "inbox.a@b.*", "inbox.a@b.c.x", false},
      {"inbox:{user}:*", "john", "inbox:john:*", "inbox:john:smith.x", true},
      {"inbox:{user}:*", "john", "inbox:john:*", "inbox:john:smith:x", false},
      {"inbox/{user}/*/*", "a", "inbox/a/*/*", "inbox/a/b/c", true},
      {"inbox/{user}/*/*", "a", "inbox/a/*/*", "inbox/a/b/c/d", false},
      {"{user}.log.*", "a", "a.log.*", "a.log.b.log.c", false},
      {"{user}.log.*", "a.log.b", "a.log.b.log.*", "a.log.b.log.c", true},
      {"{user}-*", "a", "a-b", "a-b", false},
      {"{user}*", "a", "ab", "ab", false},
      {"*.{user}", "a", "*.a", "x.a", true},
  };
  for (const Case& each : cases) {
    config_.user.subscribe = {each.right};
    EXPECT_EQ(hears(user(each.user), each.wanted, each.topic), each.heard)
        << each.right << " gives " << each.user << " by " << each.wanted << ": " << each.topic;
  }
}

TEST_F(GrantsTest, AWiderRightIsTakenBeforeOneThatStops) {
  config_.user.subscribe = {"inbox.{user}.*", "inbox.*"};
  EXPECT_TRUE(hears(user("john"), "inbox.john.*", "inbox.john.smith.x"));
  config_.user.subscribe = {"inbox.{user}.*"};
  auto admin = user("john");
  admin.admin = true;
  EXPECT_TRUE(hears(admin, "inbox.john.*", "inbox.john.smith.x"));
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
  EXPECT_TRUE(open.granted(pattern("*")));
  EXPECT_TRUE(open.granted(pattern("import:task-1")));
  EXPECT_TRUE(open.granted(pattern("@all")));
  EXPECT_FALSE(open.granted(pattern("@user/ada")));
  EXPECT_FALSE(open.granted(pattern("@user/")));
}

// Who asks for much has its rights sorted; who asks for little has them all looked at.
TEST_F(GrantsTest, HoweverOftenItIsAskedItSaysTheSame) {
  std::mt19937 random(7);
  const std::vector<std::string> parts = {"a", "b", "ab", "*", "{user}", "a*"};
  const auto text = [&](std::size_t choice) {
    std::string made;
    for (std::size_t i = 0; i <= random() % 3; ++i)
      made += (i == 0 ? "" : random() % 2 == 0 ? ":" : ".") + parts[random() % choice];
    return made;
  };
  std::size_t granted_some = 0;
  for (int round = 0; round < 500; ++round) {
    config_.user.subscribe.clear();
    for (std::size_t i = 0; i < 1 + random() % 12; ++i) config_.user.subscribe.push_back(text(6));
    const Identity ab = user("ab");
    const Grants often(config_, &ab, false);
    for (int i = 0; i < 20; ++i) often.granted(pattern("x"));
    for (int i = 0; i < 40; ++i) {
      const auto wanted = Pattern::parse(text(4));
      if (!wanted) continue;
      const auto now = often.granted(*wanted);
      EXPECT_EQ(now, Grants(config_, &ab, false).granted(*wanted)) << wanted->text();
      granted_some += now ? 1 : 0;
    }
  }
  EXPECT_GT(granted_some, 1000U);
}

TEST_F(GrantsTest, RolesGiveRightsBesidesAndOnlyTheirs) {
  config_.user.subscribe = {"news"};
  config_.roles["ops team"].subscribe = {"import:*", "inbox:{user}:*"};
  config_.roles["ops team"].may = {"stats", "publish"};
  Identity ada;
  ada.user = "ada";
  ada.roles = {"unknown", "ops team"};
  const Grants grants(config_, &ada, false);
  for (const char* topic : {"news", "import:7", "inbox:ada:1"})
    EXPECT_TRUE(grants.granted(*Pattern::parse(topic))) << topic;
  EXPECT_FALSE(grants.granted(*Pattern::parse("inbox:bob:1")));
  EXPECT_TRUE(may(config_, ada, "publish"));
  EXPECT_FALSE(may(config_, ada, "broadcast"));
  ada.roles = {"unknown"};
  EXPECT_FALSE(Grants(config_, &ada, false).granted(*Pattern::parse("import:7")));
  EXPECT_FALSE(may(config_, ada, "stats"));
}

}  // namespace
}  // namespace zws
