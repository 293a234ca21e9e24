// How much work holes by the thousand are, counted: not how long it takes.
#include <gtest/gtest.h>

#include "ingest/repair.hpp"
#include "unit/ingest/repair_stage.hpp"

namespace zws {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr microseconds step{20};
constexpr std::uint64_t events = 10'000;  // in 200 ms, and before each a hole

class RepairWorkTest : public testing::Test, public RepairStage {
 protected:
  // As the port does it: only when it is time.
  void pass_a_step() {
    clock.now += step;
    if (repair.next_time() > clock.now) return;
    ++looks;
    repair.look();
  }

  std::uint64_t looks = 0;
};

TEST_F(RepairWorkTest, HolesWhoseTimeComesOneAfterTheOtherAreLookedAtTogether) {
  knows("p", "s", "t");
  for (std::uint64_t i = 1; i <= 2 * events; ++i) {
    if (i <= events) live("t", "s", 999 + 2 * i);
    if (i % 50 == 0) answer("p", "t", "s", 1 + i / 50);  // it is there, and slow
    pass_a_step();
  }
  pass(milliseconds(10));
  EXPECT_EQ(taken().size(), events + events / 50) << "what was answered in 200 ms";
  const auto most = static_cast<std::uint64_t>(2 * events * step / milliseconds(2));
  EXPECT_LE(looks, most + 10);
  EXPECT_GT(looks, 10U);
}

TEST_F(RepairWorkTest, AHoleThatIsFilledMovesNoDeadline) {
  knows("p", "s", "t");
  for (std::uint64_t seq = 3; seq <= 21; seq += 2) {
    live("t", "s", seq);
    clock.now += milliseconds(1);
  }
  const SteadyTime before = repair.next_time();
  for (std::uint64_t seq = 2; seq <= 18; seq += 2) answer("p", "t", "s", seq);
  EXPECT_EQ(taken().size(), 18U);
  EXPECT_EQ(repair.next_time(), before);
  answer("p", "t", "s", 20);
  EXPECT_GT(repair.next_time(), before) << "nothing is held any more";
}

TEST_F(RepairWorkTest, ConnectionsThatEndByTheThousandAreKnownToBeOver) {
  knows("p", "s", "t");
  live("t", "s", 3);
  repair.sink().ended(7);
  for (std::uint64_t other = 100; other < 2'600; ++other) repair.sink().ended(other);
  taken();
  answer("p", "t", "s", 2);
  EXPECT_EQ(taken().size(), 2U);
  EXPECT_EQ(last_connection, Arrival::over);
}

}  // namespace
}  // namespace zws
