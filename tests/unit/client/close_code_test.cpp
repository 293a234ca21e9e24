#include "client/close_code.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

namespace zws {
namespace {

TEST(CloseCodeTest, TheProtocolPageHasTheSameRows) {
  std::ifstream file("docs/PROTOCOL.md");
  std::stringstream page;
  page << file.rdbuf();
  std::string table = "| code | meaning | come back? |\n| --- | --- | --- |\n";
  for (const CloseRow& row : close_rows) {
    table += "| " + std::to_string(static_cast<int>(row.code)) + " | " + std::string(row.reason) +
             " | " + std::string(row.come_back) + " |\n";
  }
  EXPECT_NE(page.str().find(table + "\n"), std::string::npos) << table;
}

}  // namespace
}  // namespace zws
