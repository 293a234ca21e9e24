// Where fetched keys are kept over a restart.
#include "auth/kept_keys.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace zws {
namespace {

// The variables that say where; unset before each test and as they were behind it.
class KeptKeysFolderTest : public testing::Test {
 protected:
  KeptKeysFolderTest() {
    for (std::size_t i = 0; i < 3; ++i) {
      const char* value = std::getenv(names_[i]);
      was_[i] = value == nullptr ? "" : value;
      ::unsetenv(names_[i]);
    }
  }
  ~KeptKeysFolderTest() override {
    for (std::size_t i = 0; i < 3; ++i) {
      ::unsetenv(names_[i]);
      if (!was_[i].empty()) ::setenv(names_[i], was_[i].c_str(), 1);
    }
  }

 private:
  const char* const names_[3] = {"STATE_DIRECTORY", "XDG_STATE_HOME", "HOME"};
  std::string was_[3];
};

TEST_F(KeptKeysFolderTest, TheServicesIsTakenBeforeTheUsers) {
  EXPECT_EQ(KeptKeys::folder(), "");
  ::setenv("HOME", "/somewhere/ada", 1);
  EXPECT_EQ(KeptKeys::folder(), "/somewhere/ada/.local/state/zwsbridge");
  ::setenv("XDG_STATE_HOME", "/state", 1);
  EXPECT_EQ(KeptKeys::folder(), "/state/zwsbridge") << "beside those of other programs";
  ::setenv("XDG_STATE_HOME", "state", 1);
  EXPECT_EQ(KeptKeys::folder(), "/somewhere/ada/.local/state/zwsbridge")
      << "a path is whole, or none";
  ::setenv("STATE_DIRECTORY", "/var/lib/zwsbridge:/var/lib/other", 1);
  EXPECT_EQ(KeptKeys::folder(), "/var/lib/zwsbridge") << "systemd's are several";
  ::unsetenv("STATE_DIRECTORY");
  ::setenv("HOME", "/", 1);
  EXPECT_EQ(KeptKeys::folder(), "") << "who has no home keeps nothing in the root";
}

}  // namespace
}  // namespace zws
