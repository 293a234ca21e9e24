// The answer of GET /log.
#include "api/log_lines.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "core/log.hpp"

namespace zws {
namespace {

using testing::HasSubstr;
using testing::Not;

nlohmann::json answer(std::size_t limit) { return nlohmann::json::parse(log_lines_json(limit)); }

TEST(LogLinesTest, TheNewestLinesOfBothKindsAreTold) {
  log::warning("first");
  log::error("a \"quoted\" word");
  log::AuditLine().text("who", "root").write();
  const auto told = answer(2);
  ASSERT_EQ(told["log"].size(), 2u);
  EXPECT_EQ(told["log"][0]["text"], "first");
  EXPECT_EQ(told["log"][1]["level"], "error");
  EXPECT_EQ(told["log"][1]["text"], "a \"quoted\" word");
  EXPECT_EQ(told["audit"].back()["text"], "who=\"root\"");
  EXPECT_EQ(told["audit"].back()["level"], "audit");
}

TEST(LogLinesTest, ATokenThatGotIntoALineIsNotTold) {
  log::warning("a producer sent eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl somewhere");
  log::warning("redis://bridge:hunter2@127.0.0.1 is away");
  const std::string told = answer(2).dump();
  EXPECT_THAT(told, Not(HasSubstr("c2lnbmF0dXJl")));
  EXPECT_THAT(told, Not(HasSubstr("hunter2")));
  EXPECT_THAT(told, HasSubstr("***"));
}

}  // namespace
}  // namespace zws
