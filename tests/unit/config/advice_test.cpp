// What a configuration says in vain.
#include "config/advice.hpp"

#include <gmock/gmock.h>

namespace zws {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> advice_on(const std::string& text) {
  Origins origins;
  const Config config = parse_config(text, "f", {}, &origins);
  return advice(config, origins);
}

TEST(AdviceTest, DefaultsAndWhatHasAnEffectNeedNone) {
  EXPECT_THAT(advice_on(""), IsEmpty());
  EXPECT_THAT(advice_on(R"(
    [auth]
    anonymous.subscribe = ["import:*", "a{b", "a}b{"]
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
              ElementsAre("f:2: auth.user.subscribe[1] = \"inbox:{user}:{usr}\": has no effect, as "
                          "{usr} is no mark; {user} is one"));
  EXPECT_THAT(advice_on("[auth.anonymous]\nsubscribe = [\"inbox:{user}\"]\n"),
              ElementsAre(HasSubstr("without a token there is no {user}")));
  EXPECT_THAT(advice_on("[auth.roles.ops]\nsubscribe = [\"a:{user}\", \"{sub}\"]\n"),
              ElementsAre(HasSubstr("f:2: auth.roles.ops.subscribe[1]")));
}

TEST(AdviceTest, ManyFaultsAreManyLines) {
  EXPECT_EQ(advice_on("[[route]]\nmatch = \"a\"\nkey = \"k\"\nreplay = 200\n").size(), 2u);
}

}  // namespace
}  // namespace zws
