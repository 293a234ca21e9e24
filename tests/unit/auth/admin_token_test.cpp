#include "auth/admin_token.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <utility>

#include "core/error.hpp"
#include "support/folder.hpp"
#include "unit/auth/forge.hpp"

namespace zws {
namespace {

class AdminTokenTest : public testing::Test {
 protected:
  static std::string content(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
  }

  Folder folder_;
  const std::string path_ = (folder_.path() / "admin.token").string();
  std::string fault_;
};

TEST_F(AdminTokenTest, OnlyTheOwnerReadsTheFile) {
  const auto token = AdminToken::write(path_, 8000, fault_);
  ASSERT_EQ(fault_, "");
  EXPECT_EQ(token.file(), path_);
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(AdminTokenTest, WhatTheFileSaysMatchesAndNothingElseDoes) {
  const auto token = AdminToken::write(path_, 8000, fault_);
  const std::string text = content(path_);
  EXPECT_GE(text.size(), 32u);
  EXPECT_TRUE(token.matches(text));
  for (const std::string& other : {std::string(), text + "0", text.substr(1), "x" + text.substr(1)})
    EXPECT_FALSE(token.matches(other)) << other;
}

TEST_F(AdminTokenTest, EachStartMakesAnotherInPlaceOfAnOldFile) {
  const auto first = AdminToken::write(path_, 8000, fault_);
  const std::string old = content(path_);
  const auto second = AdminToken::write(path_, 8000, fault_);
  EXPECT_NE(content(path_), old);
  EXPECT_FALSE(second.matches(old));
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(AdminTokenTest, TheFileGoesWithTheObjectAndMovesWithIt) {
  {
    AdminToken outer;
    {
      auto inner = AdminToken::write(path_, 8000, fault_);
      outer = std::move(inner);
    }
    EXPECT_TRUE(outer.matches(content(path_)));
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(AdminTokenTest, AFileOfSomebodyElseStaysAsItIs) {
  folder_.file("admin.token", "the operator's own notes");
  EXPECT_THROW(AdminToken::write(path_, 8000, fault_), StartupError);
  EXPECT_EQ(content(path_), "the operator's own notes");
  folder_.file("admin.token", std::string(64, 'a') + "\n");
  std::filesystem::permissions(path_, std::filesystem::perms(0644));
  EXPECT_THROW(AdminToken::write(path_, 8000, fault_), StartupError) << "others may read it";
  std::filesystem::permissions(path_, std::filesystem::perms(0600));
  const auto token = AdminToken::write(path_, 8000, fault_);
  EXPECT_TRUE(token.matches(content(path_))) << "left behind by a bridge that was killed";
}

TEST_F(AdminTokenTest, WhatIsNoFileStaysToo) {
  std::filesystem::create_symlink(folder_.file("precious", "precious"), path_);
  EXPECT_THROW(AdminToken::write(path_, 8000, fault_), StartupError);
  EXPECT_TRUE(std::filesystem::is_symlink(path_));
  EXPECT_EQ(content(path_), "precious");
}

TEST_F(AdminTokenTest, AFileThatSomebodyPutInItsPlaceIsNotRemoved) {
  {
    const auto token = AdminToken::write(path_, 8000, fault_);
    folder_.file("admin.token", "the operator's own notes");
  }
  EXPECT_EQ(content(path_), "the operator's own notes");
}

TEST_F(AdminTokenTest, WhereItCannotBeWrittenItMatchesNothingAndSaysWhy) {
  const auto token = AdminToken::write(path_ + "/deeper/admin.token", 8000, fault_);
  EXPECT_NE(fault_.find("admin.token"), std::string::npos) << fault_;
  EXPECT_FALSE(token.matches(""));
  EXPECT_EQ(token.file(), "");
}

}  // namespace
}  // namespace zws
