// Who waits is found again, and nobody else.
#include "lane/tickets.hpp"

#include <gtest/gtest.h>

#include "support/short_memory.hpp"
#include "unit/lane/model_bridge.hpp"

namespace zws {
namespace {

class TicketsTest : public testing::Test {
 protected:
  TicketsTest() : bridge_(std::make_shared<Config>(), 1, clock_) {}

  ModelClock clock_;
  ModelBridge bridge_;
  ModelConnection first_{*bridge_.lanes()[0]};
  ModelConnection second_{*bridge_.lanes()[0]};
  ModelConnection third_{*bridge_.lanes()[0]};
  Tickets tickets_;
};

TEST_F(TicketsTest, EachFindsItsOwnSession) {
  const std::uint64_t a = tickets_.give(first_.session());
  const std::uint64_t b = tickets_.give(second_.session());
  EXPECT_EQ(tickets_.find(a), &first_.session());
  EXPECT_EQ(tickets_.find(b), &second_.session());
  EXPECT_EQ(tickets_.find(0), nullptr);
  EXPECT_EQ(tickets_.find(~std::uint64_t{0}), nullptr);
}

TEST_F(TicketsTest, WhoTakesThePlaceOfOneThatLeftIsNotTakenForIt) {
  const std::uint64_t a = tickets_.give(first_.session());
  const std::uint64_t b = tickets_.give(second_.session());
  tickets_.take_back(a);
  tickets_.take_back(b);
  tickets_.take_back(b);
  EXPECT_EQ(tickets_.find(a), nullptr);
  EXPECT_EQ(tickets_.find(b), nullptr);
  const std::uint64_t c = tickets_.give(third_.session());
  const std::uint64_t d = tickets_.give(first_.session());
  const std::uint64_t e = tickets_.give(second_.session());
  EXPECT_EQ(tickets_.find(a), nullptr);
  EXPECT_EQ(tickets_.find(b), nullptr);
  EXPECT_EQ(tickets_.find(c), &third_.session());
  EXPECT_EQ(tickets_.find(d), &first_.session());
  EXPECT_EQ(tickets_.find(e), &second_.session());
}

// They are as many as there were sessions at once, and not one more for each that ever came.
TEST_F(TicketsTest, WhoComesNextTakesAPlaceThatIsFree) {
  tickets_.take_back(tickets_.give(first_.session()));
  std::uint64_t ticket = 0;
  {
    const ShortMemory memory(0);
    ticket = tickets_.give(second_.session());
  }
  EXPECT_EQ(tickets_.find(ticket), &second_.session());
}

}  // namespace
}  // namespace zws
