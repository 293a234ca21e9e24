// Who is let in by its key, and when a new list means that somebody must go.
#include "ingest/gatekeeper.hpp"

#include <gtest/gtest.h>

namespace zws {
namespace {

CurveKeys listing(std::vector<std::string> keys) {
  CurveKeys made;
  made.secret = "set";
  made.everyone = false;
  for (std::string& key : keys) made.allowed[key] = "the name of " + key;
  return made;
}

CurveKeys everyone() {
  CurveKeys made;
  made.secret = "set";
  return made;
}

class GatekeeperTest : public testing::Test {
 protected:
  bool admits(Gatekeeper& gatekeeper, const std::string& key) {
    name_.clear();
    return gatekeeper.admit(key, name_);
  }

  zmq::context_t context_;
  std::string name_;
};

TEST_F(GatekeeperTest, ListedKeyIsLetInByItsName) {
  Gatekeeper gatekeeper(context_, listing({"a"}));
  EXPECT_TRUE(admits(gatekeeper, "a"));
  EXPECT_EQ(name_, "the name of a");
  EXPECT_FALSE(admits(gatekeeper, "b"));
}

TEST_F(GatekeeperTest, ReloadTakesEffectForTheNextQuestion) {
  Gatekeeper gatekeeper(context_, listing({"a"}));
  EXPECT_FALSE(gatekeeper.reload(listing({"b"})));
  EXPECT_FALSE(admits(gatekeeper, "a"));
  EXPECT_TRUE(admits(gatekeeper, "b"));
}

TEST_F(GatekeeperTest, KeyThatIsInAndNoLongerListedMustGo) {
  Gatekeeper gatekeeper(context_, listing({"a", "b"}));
  ASSERT_TRUE(admits(gatekeeper, "a"));
  EXPECT_FALSE(gatekeeper.reload(listing({"a"}))) << "b never came";
  EXPECT_TRUE(gatekeeper.reload(listing({"b"})));
  EXPECT_FALSE(gatekeeper.reload(listing({"b"}))) << "a has gone already";
}

TEST_F(GatekeeperTest, ListAfterEveryoneMeansThatSomebodyMayHaveToGo) {
  Gatekeeper gatekeeper(context_, everyone());
  ASSERT_TRUE(admits(gatekeeper, "a"));
  EXPECT_TRUE(gatekeeper.reload(listing({"a"})));
  EXPECT_FALSE(gatekeeper.reload(listing({"a"})));
}

}  // namespace
}  // namespace zws
