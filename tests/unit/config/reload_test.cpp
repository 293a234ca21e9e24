// A second configuration for a running bridge: all of it, or none.
#include "config/reload.hpp"

#include <gmock/gmock.h>

#include <new>

#include "config/live_config.hpp"
#include "core/error.hpp"
#include "support/folder.hpp"

namespace zws {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string secret = "auth.hs256_secret=0123456789abcdef0123456789abcdef-";

Config load(std::vector<std::string> settings) {
  return load_config({"", {}, std::move(settings)});
}

Reloaded reload(const Config& running, std::vector<std::string> settings) {
  return reload_config(running, {"", {}, std::move(settings)});
}

std::vector<std::string> keys(const std::vector<ConfigChange>& changes) {
  std::vector<std::string> names;
  for (const ConfigChange& change : changes) names.push_back(change.key);
  return names;
}

TEST(ReloadTest, SameSourcesChangeNothing) {
  EXPECT_THAT(reload(load({secret}), {secret}).changes, IsEmpty());
}

TEST(ReloadTest, ChangeNamesKeyAndBothValues) {
  const auto changes = reload(Config{}, {"limits.queue_bytes=2048"}).changes;
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].key, "limits.queue_bytes");
  EXPECT_EQ(changes[0].before, "1048576");
  EXPECT_EQ(changes[0].after, "2048");
  EXPECT_FALSE(changes[0].needs_restart);
}

TEST(ReloadTest, SecretsAreComparedButNotShown) {
  const auto changes = reload(load({secret}), {secret + "other"}).changes;
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].before, "\"***\"");
  EXPECT_EQ(changes[0].after, "\"***\"");
}

TEST(ReloadTest, RolesAreComparedKeyByKeyAndNeedNoRestart) {
  const Config running = load({R"(auth.roles={a={may=["stats"]}, b={subscribe=["x"]}})"});
  const auto changes =
      reload(running, {R"(auth.roles={a={may=["stats","notify"]}, c={may=["publish"]}})"}).changes;
  EXPECT_THAT(keys(changes),
              ElementsAre("auth.roles.a.may", "auth.roles.b.subscribe", "auth.roles.b.may",
                          "auth.roles.c.subscribe", "auth.roles.c.may"));
  EXPECT_EQ(changes[0].before, R"(["stats"])");
  EXPECT_EQ(changes[0].after, R"(["stats", "notify"])");
  for (const ConfigChange& change : changes) EXPECT_FALSE(change.needs_restart) << change.key;
}

TEST(ReloadTest, RoutesAreComparedKeyByKey) {
  const Config running = load({"route=[{match = \"a\", replay = 1}]"});
  EXPECT_THAT(keys(reload(running, {"route=[{match = \"a\", history = 5}]"}).changes),
              ElementsAre("route[0].history", "route[0].replay"));
  const auto added =
      reload(running, {"route=[{match = \"a\", replay = 1}, {match = \"b\"}]"}).changes;
  ASSERT_FALSE(added.empty());
  EXPECT_EQ(added[0].key, "route[1].match");
  EXPECT_EQ(added[0].before, "");
  EXPECT_EQ(added[0].after, "\"b\"");
}

TEST(ReloadTest, WhatNeedsARestartKeepsRunning) {
  const Reloaded reloaded = reload(Config{}, {"server.listen=127.0.0.1:9000", "limits.topics=5"});
  EXPECT_THAT(reloaded.config.server.listen, ElementsAre("localhost:8000"));
  EXPECT_EQ(reloaded.config.limits.topics, 5u);
  ASSERT_THAT(keys(reloaded.changes), ElementsAre("server.listen", "limits.topics"));
  EXPECT_TRUE(reloaded.changes[0].needs_restart);
}

TEST(ReloadTest, WrongSourcesAreRefusedWhole) {
  EXPECT_THROW(reload(Config{}, {"limits.topics=5", "limits.subscriptions=0"}), StartupError);
  EXPECT_THROW(reload(Config{}, {"auth.jwks_file=/nonexistent"}), StartupError);
}

TEST(ReloadTest, LastKeyCannotGoWhileTheBridgeRuns) {
  EXPECT_THROW(reload(load({secret}), {}), StartupError);
  const Config running = load({secret, "server.listen=0.0.0.0:8000"});
  EXPECT_THROW(reload(running, {"server.listen=127.0.0.1:8000"}), StartupError);
}

TEST(ReloadTest, KeyMayComeToAnOpenBridge) {
  EXPECT_TRUE(reload(Config{}, {secret}).config.auth.has_key());
}

TEST(ReloadTest, WhatNeedsARestartStaysTogether) {
  // Where producers come in, and that this is meant.
  const Config running = load({"ingest.bind=[\"tcp://*:5556\"]", "ingest.insecure=true"});
  const Config after = reload(running, {}).config;
  EXPECT_EQ(after.ingest.bind, running.ingest.bind);
  EXPECT_TRUE(after.ingest.insecure);
}

class CurveReloadTest : public testing::Test {
 protected:
  const Folder folder_;
  const std::string file_ = folder_.file("curve", "key");
  const std::string curve_ = "ingest.curve_secret_key_file=" + file_;
  const std::string list_ = "ingest.curve_allowed_keys_file=" + file_;
};

TEST_F(CurveReloadTest, ListOfProducersIsNotTakenAway) {
  EXPECT_THROW(reload(load({curve_, list_}), {curve_}), StartupError);
}

TEST_F(CurveReloadTest, ListComesWithAReload) {
  EXPECT_EQ(reload(load({curve_}), {curve_, list_}).config.ingest.curve_allowed_keys_file, file_);
}

TEST_F(CurveReloadTest, ListWaitsWithTheKeyForARestart) {
  const Config next = reload(load({secret}), {secret, curve_, list_}).config;
  EXPECT_EQ(next.ingest.curve_secret_key_file, "");
  EXPECT_EQ(next.ingest.curve_allowed_keys_file, "");
}

// --- in force or not -----------------------------------------------------------------------------

class LiveConfigTest : public testing::Test {
 protected:
  // Reloads with another queue_bytes; `apply` throws what `fault` does, once.
  bool reload(const std::function<void()>& fault) {
    folder_.file("zws.toml", "[limits]\nqueue_bytes = 4096\n");
    bool first = true;
    return live_.reload([&](const ConfigPtr& next, const Origins&) {
      applied_.push_back(next->limits.queue_bytes);
      if (std::exchange(first, false)) fault();
    });
  }

  Folder folder_;
  LiveConfig live_{{folder_.file("zws.toml", "[limits]\nqueue_bytes = 2048\n"), {}, {}}};
  std::vector<std::size_t> applied_;
};

TEST_F(LiveConfigTest, AReloadIsInForce) {
  EXPECT_TRUE(reload([] {}));
  EXPECT_EQ(live_.current()->limits.queue_bytes, 4096u);
  EXPECT_THAT(applied_, ElementsAre(4096u));
}

TEST_F(LiveConfigTest, WhatIsRefusedWholeIsNotTakenBack) {
  EXPECT_FALSE(reload([] { throw StartupError(StartupError::configuration, "a key"); }));
  EXPECT_EQ(live_.current()->limits.queue_bytes, 2048u);
  EXPECT_THAT(applied_, ElementsAre(4096u));
}

TEST_F(LiveConfigTest, WhateverFailsLeavesTheOldOneInForceEverywhere) {
  EXPECT_FALSE(reload([] { throw std::bad_alloc(); }));
  EXPECT_EQ(live_.current()->limits.queue_bytes, 2048u);
  EXPECT_THAT(applied_, ElementsAre(4096u, 2048u));
}

}  // namespace
}  // namespace zws
