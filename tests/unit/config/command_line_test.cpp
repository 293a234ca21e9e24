// What the daemon was asked to do.
#include "config/command_line.hpp"

#include <gmock/gmock.h>

#include "config/manual.hpp"
#include "core/error.hpp"

namespace zws {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

CommandLine parse(std::vector<const char*> words) {
  words.insert(words.begin(), "zwsbridge");
  const char* const environment[] = {"A=1", "ZWSBRIDGE_LOG_LEVEL=debug", nullptr};
  return parse_command_line(static_cast<int>(words.size()), words.data(), environment);
}

TEST(CommandLineTest, NoWordsRunTheBridge) {
  const CommandLine line = parse({});
  EXPECT_EQ(line.verb, CommandLine::Verb::run);
  EXPECT_THAT(line.sources.file, IsEmpty());
  EXPECT_THAT(line.sources.set, IsEmpty());
  EXPECT_THAT(line.sources.environment, ElementsAre("A=1", "ZWSBRIDGE_LOG_LEVEL=debug"));
}

TEST(CommandLineTest, SourcesKeepTheirOrder) {
  const CommandLine line = parse({"--set", "a=1", "--config", "f.toml", "--set=b=[\"x\", \"y\"]",
                                  "--log-format", "json", "--check"});
  EXPECT_EQ(line.verb, CommandLine::Verb::check);
  EXPECT_EQ(line.sources.file, "f.toml");
  EXPECT_THAT(line.sources.set, ElementsAre("a=1", "b=[\"x\", \"y\"]", "log.format=json"));
}

TEST(CommandLineTest, PrintConfigTakesOptionsOnBothSides) {
  for (const auto& words :
       {std::vector<const char*>{"print-config", "--origin", "--config", "f"},
        std::vector<const char*>{"--config", "f", "print-config", "--origin"}}) {
    const CommandLine line = parse(words);
    EXPECT_EQ(line.verb, CommandLine::Verb::print_config);
    EXPECT_TRUE(line.with_origin);
    EXPECT_EQ(line.sources.file, "f");
  }
  EXPECT_FALSE(parse({"print-config"}).with_origin);
}

TEST(CommandLineTest, StrictIsForTheCheck) {
  EXPECT_TRUE(parse({"--check", "--strict"}).strict);
  EXPECT_FALSE(parse({"--check"}).strict);
}

TEST(CommandLineTest, WhatMayBeASecretIsNotQuoted) {
  for (const auto& words :
       {std::vector<const char*>{"--hs256-secret=hunter2-hunter2"},
        std::vector<const char*>{"--auth-token", "hunter2-hunter2"},
        std::vector<const char*>{"--log-format", "eyJhbGciOiJIUzI1NiJ9.hunter2.hunter2"},
        std::vector<const char*>{"eyJhbGciOiJIUzI1NiJ9.hunter2.hunter2"}}) {
    try {
      parse(words);
      ADD_FAILURE() << "accepted " << words[0];
    } catch (const StartupError& error) {
      EXPECT_THAT(error.what(), Not(HasSubstr("hunter2")));
    }
  }
  try {
    parse({"--nonsense=1", "2"});
  } catch (const StartupError& error) {
    EXPECT_THAT(error.what(), HasSubstr("--nonsense (see"));
  }
}

TEST(CommandLineTest, TextsAreReadyToPrint) {
  EXPECT_EQ(parse({"default-config"}).text, default_config_text());
  EXPECT_THAT(parse({"--version"}).text, testing::MatchesRegex("zwsbridge [0-9.]+\n"));
  const CommandLine help = parse({"--help"});
  EXPECT_EQ(help.verb, CommandLine::Verb::print_text);
  for (const char* const word : {"--config", "--set", "--check", "--strict", "--log-format",
                                 "--version", "default-config", "print-config", "Exit codes"}) {
    EXPECT_THAT(help.text, HasSubstr(word));
  }
  EXPECT_THAT(parse({"print-config", "--help"}).text, HasSubstr("--origin"));
}

TEST(CommandLineTest, WrongLineIsOneLineAndExitCodeTwo) {
  for (const auto& words :
       {std::vector<const char*>{"--nonsense"}, std::vector<const char*>{"run"},
        std::vector<const char*>{"--config"}, std::vector<const char*>{"--set"},
        std::vector<const char*>{"--log-format", "xml"}, std::vector<const char*>{"--origin"},
        std::vector<const char*>{"--set", "a=1", "b=2"}, std::vector<const char*>{"--strict"},
        std::vector<const char*>{"--check", "--ready"},
        std::vector<const char*>{"default-config", "print-config"}}) {
    try {
      parse(words);
      ADD_FAILURE() << "accepted " << words[0];
    } catch (const StartupError& error) {
      EXPECT_EQ(error.exit_code(), 2);
      EXPECT_THAT(error.what(), AllOf(Not(HasSubstr("\n")), HasSubstr("--help")));
    }
  }
}

}  // namespace
}  // namespace zws
