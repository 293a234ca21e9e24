// What an administrator is shown of the log: the newest lines, of each kind its own, and never more than there is room for.
#include "core/log_memory.hpp"

#include <gmock/gmock.h>

#include "core/topic.hpp"

namespace zws {
namespace {

using log::KeptLine;
using log::LogMemory;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

std::vector<std::string> texts(const std::vector<log::KeptLinePtr>& lines) {
  std::vector<std::string> found;
  for (const auto& line : lines) found.push_back(line->text);
  return found;
}

void keep(LogMemory& memory, std::size_t first, std::size_t last) {
  for (std::size_t i = first; i <= last; ++i)
    memory.keep(std::make_shared<const KeptLine>(KeptLine{"", "info", std::to_string(i)}));
}

class LogMemoryTest : public testing::Test {
 protected:
  LogMemoryTest() { log::configure(log::Level::info, log::Format::text); }
  ~LogMemoryTest() override { log::configure(log::Level::info, log::Format::text); }

  static log::KeptLinePtr last(const LogMemory& memory) { return memory.newest(1).at(0); }
};

TEST_F(LogMemoryTest, TheNewestAreToldTheOldestOfThemFirst) {
  LogMemory memory;
  EXPECT_THAT(memory.newest(10), SizeIs(0));
  keep(memory, 1, 3);
  EXPECT_THAT(texts(memory.newest(10)), ElementsAre("1", "2", "3"));
  EXPECT_THAT(texts(memory.newest(2)), ElementsAre("2", "3"));
}

TEST_F(LogMemoryTest, TheOldestGoWhereThereIsNoRoom) {
  LogMemory memory;
  keep(memory, 1, LogMemory::lines_max + 5);
  EXPECT_THAT(memory.newest(LogMemory::lines_max * 2), SizeIs(LogMemory::lines_max));
  EXPECT_EQ(memory.count(), LogMemory::lines_max + 5) << "of all that came";
  EXPECT_EQ(memory.newest(1000).front()->text, "6");
  EXPECT_THAT(texts(memory.newest(1)), ElementsAre(std::to_string(LogMemory::lines_max + 5)));
}

TEST_F(LogMemoryTest, WhatIsWrittenIsKeptWithItsLevelAndNothingElse) {
  log::warning("client {} \"left\"", 7);
  log::debug("not written");
  const auto line = last(log::newest_lines());
  EXPECT_EQ(line->level, "warning");
  EXPECT_EQ(line->text, "client 7 \"left\"");
  EXPECT_THAT(line->time, HasSubstr("T"));
}

TEST_F(LogMemoryTest, AFloodOfOneKindLeavesTheOther) {
  log::AuditLine().text("who", "root").number("status", 200).write();
  for (std::size_t i = 0; i < LogMemory::lines_max; ++i) log::info("line {}", i);
  EXPECT_EQ(last(log::newest_audit())->text, "who=\"root\" status=200");
  EXPECT_EQ(last(log::newest_audit())->level, "audit");
}

TEST_F(LogMemoryTest, AnAuditThatIsOffIsNotKept) {
  log::AuditLine().text("who", "before").write();
  log::configure(log::Level::info, log::Format::json, false);
  log::AuditLine().text("who", "after").write();
  EXPECT_EQ(last(log::newest_audit())->text, "who=\"before\"");
  log::configure(log::Level::info, log::Format::json, true);
  log::AuditLine().text("who", "root").write();
  EXPECT_EQ(last(log::newest_audit())->text, R"({"who":"root"})");
}

TEST_F(LogMemoryTest, ALineIsBoundedTextWithoutControlCharacters) {
  log::error("the system said: {}", "a\nb\x1b[2J\xff\u202e" + std::string(100'000, 'x'));
  const std::string text = last(log::newest_lines())->text;
  EXPECT_THAT(text, HasSubstr("said: a\\x0ab\\x1b[2J\\xff\\xe2\\x80\\xaexxx"));
  EXPECT_LT(text.size(), LogMemory::line_bytes_max + 20);
  EXPECT_FALSE(has_control(text));
  EXPECT_THAT(text, Not(HasSubstr("\n")));
}

TEST_F(LogMemoryTest, ASecretIsHiddenBeforeTheLineIsCut) {
  const std::string url = "redis://bridge:hunter2hunter2@db ";
  for (std::size_t before = LogMemory::line_bytes_max - url.size();
       before <= LogMemory::line_bytes_max; ++before) {
    log::error("{} {}", std::string(before, 'x'), url);
    EXPECT_THAT(last(log::newest_lines())->text, Not(HasSubstr("hunter"))) << before;
  }
  log::AuditLine().text("why", url).write();
  EXPECT_EQ(last(log::newest_audit())->text, "why=\"redis://bridge:***@db \"");
}

}  // namespace
}  // namespace zws
