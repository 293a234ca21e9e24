// What is told of the bridges of a fleet, and whether this one is ready.
#include "api/bridge_calls.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/ready_check.hpp"
#include "support/folder.hpp"

namespace zws {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class KnownFleet final : public Fleet {
 public:
  std::string trouble() const override { return apart; }
  void call(FleetCall, std::function<void(std::vector<FleetAnswer>)> done) override { done({}); }
  void members(std::function<void(std::vector<FleetMember>)> done) override { done(all); }

  std::string apart;
  std::vector<FleetMember> all;
};

ConfigPtr config_in(const Folder& folder) {
  Config config;
  config.server.listen = {"127.0.0.1:0"};
  config.server.threads = 1;
  config.auth.admin_token_file = (folder.path() / "token").string();
  return std::make_shared<const Config>(config);
}

class BridgeCallsTest : public testing::Test {
 protected:
  nlohmann::json listed() {
    nlohmann::json told;
    calls_.bridges(
        {}, [&told](const HttpResponse& answer) { told = nlohmann::json::parse(answer.body); });
    return told.at("bridges");
  }

  const Folder folder_;
  const ConfigPtr config_ = config_in(folder_);
  Metrics metrics_{1};
  Verifier verifier_{config_->auth};
  KeyFetcher key_fetcher_{config_->auth, verifier_, [](bool) {}};
  Exchange exchange_{config_, metrics_};
  Lanes lanes_{config_, verifier_, exchange_, metrics_};
  std::atomic<bool> started_{false};
  KnownFleet fleet_;
  BridgeCalls calls_{{&lanes_, &metrics_, &started_, "one", &fleet_}};
  ReadyCheck check_{{&lanes_, &started_, &key_fetcher_, &fleet_}};
};

TEST_F(BridgeCallsTest, EachMemberIsToldAsItTellsOfItself) {
  const std::string since = "2026-07-01T12:00:00.000Z";
  fleet_.all = {{"a", "1.2.3", "10.0.0.1:8000", 7, since, 1500, "ready"},
                {"b", "1.2.4", "10.0.0.2:8000", 0, since, std::nullopt, "starting"}};
  const nlohmann::json bridges = listed();
  const nlohmann::json first{{"name", "a"},     {"version", "1.2.3"}, {"address", "10.0.0.1:8000"},
                             {"clients", 7},    {"since", since},     {"lag_ms", 1500},
                             {"state", "ready"}};
  ASSERT_EQ(bridges.size(), 2U);
  EXPECT_EQ(bridges[0], first);
  EXPECT_TRUE(bridges[1]["lag_ms"].is_null());
}

TEST_F(BridgeCallsTest, ItIsNotReadyBeforeItHasStarted) {
  EXPECT_EQ(calls_.self().state, "starting");
  EXPECT_FALSE(check_.now().ready);
  EXPECT_THAT(check_.now().reasons, ElementsAre("the bridge starts"));
  started_ = true;
  EXPECT_EQ(calls_.self().state, "ready");
  EXPECT_TRUE(check_.now().ready);
  EXPECT_THAT(check_.now().reasons, IsEmpty());
}

TEST_F(BridgeCallsTest, WhoIsApartFromItsFleetIsReadyAndSaysSo) {
  started_ = true;
  fleet_.apart = "Redis does not answer";
  EXPECT_TRUE(check_.now().ready);
  EXPECT_THAT(check_.now().reasons, ElementsAre("relay: Redis does not answer"));
}

}  // namespace
}  // namespace zws
