#include "api/reach.hpp"

#include <gtest/gtest.h>

#include "api/fleet_totals.hpp"

namespace zws {
namespace {

std::string told(const Reach& reach) {
  JsonObject answer;
  answer.number("recipients", reach.connections());
  reach.tell_bridges(answer);
  return answer.done();
}

TEST(Reach, IsToldOnceWhenAllPartsAreCounted) {
  std::vector<std::string> all;
  Reach reach(true, [&](const Reach& sum) { all.push_back(told(sum)); });
  reach.expect();
  reach.expect();
  reach.end({{3, {}}, {4, {}}});
  reach.add(2);
  reach.end();
  EXPECT_TRUE(all.empty());
  reach.end({{1, {}}});
  EXPECT_EQ(all, std::vector<std::string>{R"({"recipients":10,"bridges":2})"})
      << "one of the others answered only one part";
}

TEST(Reach, ABridgeAloneTellsOfNoOthers) {
  std::string all;
  Reach reach(false, [&](const Reach& sum) { all = told(sum); });
  reach.add(5);
  reach.end();
  EXPECT_EQ(all, R"({"recipients":5})");
}

TEST(FleetTotals, AreAddedUpByName) {
  EXPECT_EQ(
      fleet_totals(R"({"b":1,"a":2,"in":{"x":3}})",
                   {{0, R"({"a":10,"b":20,"in":{"x":30,"y":40},"c":50})"}, {0, R"({"a":100})"}}),
      R"({"b":21,"a":112,"in":{"x":33},"bridges":3})");
}

TEST(FleetTotals, WhatIsNoNumberIsNotAdded) {
  EXPECT_EQ(fleet_totals(R"({"a":1,"in":{"x":2}})",
                         {{0, ""}, {0, "[1]"}, {0, R"({"a":-5,"in":7})"}, {0, R"({"a":"9"})"}}),
            R"({"a":1,"in":{"x":2},"bridges":5})");
}

}  // namespace
}  // namespace zws
