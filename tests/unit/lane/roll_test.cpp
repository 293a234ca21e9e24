// Who is on a lane: a session that could not come in takes nobody with it when it ends.
#include "lane/roll.hpp"

#include <gmock/gmock.h>

#include "support/short_memory.hpp"
#include "unit/lane/model_bridge.hpp"

namespace zws {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RollTest : public testing::Test {
 protected:
  RollTest() : bridge_(std::make_shared<Config>(), 1, clock_) {
    for (ModelConnection* each : {&first_, &second_, &third_}) {
      each->lane().remove(each->session());  // a session is on one roll
      each->session().place = {};
    }
  }

  Session* found(ModelConnection& of) { return roll_.find(of.session().place.ticket); }

  ModelClock clock_;
  ModelBridge bridge_;
  ModelConnection first_{*bridge_.lanes()[0]};
  ModelConnection second_{*bridge_.lanes()[0]};
  ModelConnection third_{*bridge_.lanes()[0]};
  Roll roll_;
};

TEST_F(RollTest, TheLastOneTakesThePlaceOfOneThatLeaves) {
  for (ModelConnection* each : {&first_, &second_, &third_}) roll_.enter(each->session());
  EXPECT_TRUE(roll_.leave(first_.session()));
  EXPECT_THAT(roll_.all(), ElementsAre(&third_.session(), &second_.session()));
  EXPECT_TRUE(roll_.leave(third_.session()));
  EXPECT_FALSE(roll_.leave(third_.session()));
  EXPECT_THAT(roll_.all(), ElementsAre(&second_.session()));
  EXPECT_EQ(found(second_), &second_.session());
}

// Its upgrade was answered, and there was no memory for its place: it is told to have gone all the same.
TEST_F(RollTest, WhoNeverEnteredTakesNobodyWithIt) {
  EXPECT_FALSE(roll_.leave(first_.session()));
  roll_.enter(second_.session());
  EXPECT_FALSE(roll_.leave(first_.session()));
  EXPECT_THAT(roll_.all(), ElementsAre(&second_.session()));
  EXPECT_EQ(found(second_), &second_.session());
  EXPECT_TRUE(roll_.leave(second_.session()));
  EXPECT_THAT(roll_.all(), IsEmpty());
}

TEST_F(RollTest, WhoThereIsNoMemoryForWasNeverHere) {
  int failed = 0;
  for (std::size_t passed = 0; passed < 5; ++passed) {
    Roll roll;
    try {
      const ShortMemory memory(passed);
      roll.enter(first_.session());
    } catch (const std::bad_alloc&) {
      ++failed;
      EXPECT_THAT(roll.all(), IsEmpty());
      EXPECT_FALSE(roll.leave(first_.session()));
    }
    first_.session().place = {};
  }
  EXPECT_EQ(failed, 2);
}

}  // namespace
}  // namespace zws
