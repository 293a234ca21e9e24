#include "completion.hpp"

#include <gmock/gmock.h>

#include "command.hpp"

namespace zws::tool {
namespace {

class CompletionTest : public testing::Test {
 protected:
  CompletionTest() { add_commands(app_, run_); }

  CLI::App app_{"zws"};
  zws::tool::Run run_;
};

TEST_F(CompletionTest, EveryCommandAndOptionIsInEveryShellsScript) {
  const auto commands = describe_commands(app_);
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = completion_script(shell, commands);
    for (const DescribedCommand& command : commands) {
      if (!command.path.empty()) {
        EXPECT_THAT(script, testing::HasSubstr(command.path.back())) << shell;
      }
      for (const DescribedOption& option : command.options) {
        const bool is_long = option.name.substr(0, 2) == "--";
        const std::string name = std::string(shell) != "fish" ? option.name
                                 : is_long                    ? " -l " + option.name.substr(2)
                                                              : " -s " + option.name.substr(1);
        EXPECT_THAT(script, testing::HasSubstr(name)) << shell;
      }
    }
  }
}

TEST_F(CompletionTest, ChoicesAndFilesAreKnown) {
  const std::string script = completion_script("bash", describe_commands(app_));
  EXPECT_THAT(script,
              testing::HasSubstr("--format) COMPREPLY=($(compgen -W 'json pretty payload'"));
  EXPECT_THAT(script, testing::HasSubstr("--token-file) COMPREPLY=($(compgen -f"));
  EXPECT_THAT(script, testing::HasSubstr("\"demo import\")"));
}

}  // namespace
}  // namespace zws::tool
