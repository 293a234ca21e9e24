// What a configuration says in vain.
#include "config/advice.hpp"

#include <gmock/gmock.h>

#include "support/folder.hpp"

namespace zws {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> advice_on(const std::string& text, const ConfigSources& sources = {}) {
  Origins origins;
  const Config config = parse_config(text, "f", sources, &origins);
  return advice(config, origins);
}

TEST(AdviceTest, DefaultsAndWhatHasAnEffectNeedNone) {
  EXPECT_THAT(advice_on(""), IsEmpty());
  EXPECT_THAT(advice_on(R"(
    [auth]
    hs256_secret = "0123456789abcdef0123456789abcdef"
    anonymous.subscribe = ["import:*", "a{b", "a}b{", "@all"]
    user.subscribe = ["import:*", "inbox:{user}:*"]
    [[route]]
    match = "import:jobs:*"
    replay = 100
    [[route]]
    match = "import:*"
    overflow = "conflate"
    key = "id"
    [[route]]
    match = "import"
    history = 500
    replay = 500
    [[route]]
    match = "*"
  )"),
              IsEmpty());
}

TEST(AdviceTest, ARouteBehindOneThatCoversItIsNamed) {
  EXPECT_THAT(
      advice_on("[[route]]\nmatch = \"a:*\"\n[[route]]\nmatch = \"b\"\n"
                "[[route]]\nmatch = \"a:b:*\"\n"),
      ElementsAre("f:6: route[2].match = \"a:b:*\": has no effect, as route[0] comes first and "
                  "matches all of it"));
  EXPECT_THAT(advice_on("[[route]]\nmatch = \"a\"\n[[route]]\nmatch = \"a\"\n"),
              ElementsAre(HasSubstr("f:4: route[1].match")));
  EXPECT_THAT(advice_on("[[route]]\nmatch = \"*\"\n[[route]]\nmatch = \"@all\"\n"), IsEmpty());
}

TEST(AdviceTest, APathInPlaceOfASecretIsNamed) {
  const Folder folder;
  const std::string path = folder.file("a-secret-whose-path-is-long-enough", "x");
  EXPECT_THAT(
      advice_on("auth.hs256_secret = \"" + path + '"'),
      ElementsAre("f:1: auth.hs256_secret = \"***\": is the path of a file, and taken as the "
                  "secret itself; write it as auth.hs256_secret_file"));
  EXPECT_THAT(advice_on("auth.hs256_secret = \"" + path + "y\""), IsEmpty());
}

TEST(AdviceTest, AKeyWithoutConflateIsNamed) {
  EXPECT_THAT(advice_on("[[route]]\nmatch = \"a\"\nkey = \"id\"\n"),
              ElementsAre("f:3: route[0].key = \"id\": has no effect, as only overflow = "
                          "\"conflate\" uses it"));
}

TEST(AdviceTest, AReplayOfMoreThanThereIsIsNamed) {
  EXPECT_THAT(advice_on("[[route]]\nmatch = \"a\"\nreplay = 101\n"),
              ElementsAre("f:3: route[0].replay = 101: no more are there than its history keeps, "
                          "100"));
  EXPECT_THAT(advice_on("[[route]]\nmatch = \"a\"\nhistory = 2\nreplay = 3\n"),
              ElementsAre(HasSubstr("keeps, 2")));
  EXPECT_THAT(advice_on("[limits]\nreplay_events = 5\n[[route]]\nmatch = \"a\"\nreplay = 6\n"),
              ElementsAre(HasSubstr("limits.replay_events, 5")));
}

TEST(AdviceTest, AMarkThatNothingIsPutInPlaceOfIsNamed) {
  EXPECT_THAT(advice_on("[auth.user]\nsubscribe = [\"a\", \"inbox:{user}:{usr}\"]\n"),
              Contains("f:2: auth.user.subscribe[1] = \"inbox:{user}:{usr}\": has no effect, as "
                       "{usr} is no mark; {user} is one"));
  EXPECT_THAT(advice_on("[auth.anonymous]\nsubscribe = [\"inbox:{user}\"]\n"),
              Contains(HasSubstr("without a token there is no {user}")));
  EXPECT_THAT(advice_on("[auth.roles.ops]\nsubscribe = [\"a:{user}\", \"{sub}\"]\n"),
              Contains(HasSubstr("f:2: auth.roles.ops.subscribe[1]")));
}

// Who gives rights and forgets the key has a bridge that is open to everyone.
TEST(AdviceTest, RightsWithoutAKeyAreNamed) {
  EXPECT_THAT(advice_on("[auth]\nanonymous.connect = false\n"),
              ElementsAre("f:2: auth.anonymous.connect = false: has no effect, as no key in [auth] "
                          "is set and there are no tokens without one"));
  EXPECT_THAT(advice_on("[auth]\nissuer = \"me\"\nuser.subscribe = [\"a\"]\n"
                        "[auth.roles.ops]\nmay = [\"stats\"]\n"),
              ElementsAre(HasSubstr("f:2: auth.issuer"), HasSubstr("f:3: auth.user.subscribe"),
                          HasSubstr("f:5: auth.roles.ops.may")));
  EXPECT_THAT(advice_on("[auth]\nanonymous.connect = true\nrequire_exp = true\nopen = true\n"
                        "admin_token_file = \"/tmp/x\"\n"),
              IsEmpty());
  EXPECT_THAT(advice_on("[auth]\njwks_file = \"x\"\nanonymous.connect = false\n"), IsEmpty());
}

TEST(AdviceTest, APatternThatTakesNoTopicIsNamed) {
  for (const std::string nothing : {"@user/*", "@*", "@al", "@user"}) {
    EXPECT_THAT(advice_on("[[route]]\nmatch = \"" + nothing + "\"\n"),
                ElementsAre(HasSubstr("f:2: route[0].match = \"" + nothing + "\": has no effect")));
  }
  EXPECT_THAT(advice_on("[[route]]\nmatch = \"*\"\n[[route]]\nmatch = \"@user/*\"\n"),
              ElementsAre(HasSubstr("no '*' takes")));
  EXPECT_THAT(advice_on("[auth.anonymous]\nsubscribe = [\"a\", \"@user/*\"]\n"),
              Contains(HasSubstr("f:2: auth.anonymous.subscribe[1]")));
  EXPECT_THAT(advice_on("[[route]]\nmatch = \"@user/ada\"\n"), IsEmpty());
}

TEST(AdviceTest, ACommaInAVariableIsNoListAndNamed) {
  const std::string key = "[auth]\nhs256_secret = \"0123456789abcdef0123456789abcdef\"\n";
  const auto given = [&](const std::string& admin) {
    return advice_on(key, {"", {"ZWSBRIDGE_AUTH_CLAIMS_ADMIN=" + admin}, {}});
  };
  EXPECT_THAT(given("admin,ops"),
              ElementsAre("ZWSBRIDGE_AUTH_CLAIMS_ADMIN: auth.claims.admin = \"admin,ops\": is one "
                          "with a comma in it; write several as [\"a\", \"b\"]"));
  for (const std::string fine : {"admin", "[\"admin\", \"ops\"]", "cn=ops,dc=example"})
    EXPECT_THAT(given(fine), IsEmpty());
  EXPECT_THAT(advice_on(key, {"", {}, {"auth.audience=a,b"}}), ElementsAre(HasSubstr("comma")));
  EXPECT_THAT(advice_on(key + "audience = \"a,b\"\n"), IsEmpty());
}

TEST(AdviceTest, AnIngestThatHearsNobodyIsNamed) {
  EXPECT_THAT(advice_on("[ingest]\nbind = []\n"), ElementsAre(HasSubstr("f:2: ingest.bind = []")));
  EXPECT_THAT(advice_on("[ingest]\nbind = []\nconnect = [\"tcp://a:1\"]\n"), IsEmpty());
}

TEST(AdviceTest, APathThatIsTakenIsNamed) {
  for (const std::string path : {"/", "/metrics", "/healthz", "/client.js"})
    EXPECT_THAT(advice_on("[server]\npath = \"" + path + "\"\n"),
                ElementsAre(HasSubstr("f:2: server.path = \"" + path + '"')));
  EXPECT_THAT(advice_on("[server]\npath = \"/metrics/ws\"\n"), IsEmpty());
}

TEST(AdviceTest, ManyFaultsAreManyLines) {
  EXPECT_EQ(advice_on("[[route]]\nmatch = \"a\"\nkey = \"k\"\nreplay = 200\n").size(), 2u);
}

}  // namespace
}  // namespace zws
