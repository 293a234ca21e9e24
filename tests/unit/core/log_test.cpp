// What a line of the log looks like, and what keeps strangers from forging or flooding it.
#include "core/log.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/topic.hpp"

namespace zws {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;

class LogTest : public testing::Test {
 protected:
  ~LogTest() override { log::configure(log::Level::info, log::Format::text); }

  template <typename Write>
  std::string logged(const Write& write) {
    testing::internal::CaptureStderr();
    write();
    return testing::internal::GetCapturedStderr();
  }
};

TEST_F(LogTest, TextLineHasTimeLevelAndText) {
  log::configure(log::Level::info, log::Format::text);
  EXPECT_THAT(logged([] { log::warning("client {} left", 7); }),
              MatchesRegex("[0-9-]+T[0-9:.]+Z warning client 7 left\n"));
}

TEST_F(LogTest, JsonLineIsOneObject) {
  log::configure(log::Level::info, log::Format::json);
  const auto line = nlohmann::json::parse(logged([] { log::error("a \"quoted\"\nline"); }));
  EXPECT_EQ(line["level"], "error");
  EXPECT_EQ(line["message"], "a \"quoted\"\nline");
  EXPECT_THAT(line["time"].get<std::string>(), MatchesRegex("[0-9-]+T[0-9:.]+Z"));
}

TEST_F(LogTest, LinesBelowTheLevelAreNotWritten) {
  log::configure(log::Level::warning, log::Format::text);
  EXPECT_EQ(logged([] {
              log::debug("a");
              log::info("b");
            }),
            "");
  EXPECT_THAT(logged([] { log::error("c"); }), HasSubstr("error c"));
  log::configure(log::Level::off, log::Format::text);
  EXPECT_EQ(logged([] { log::error("d"); }), "");
}

TEST_F(LogTest, ThreadsDoNotMixTheirLines) {
  log::configure(log::Level::info, log::Format::text);
  const std::string text = logged([] {
    const auto write = [] {
      for (int i = 0; i < 200; ++i) log::info("{}", std::string(100, 'x'));
    };
    std::thread other(write);
    write();
    other.join();
  });
  std::istringstream lines(text);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_THAT(line, MatchesRegex("[0-9-]+T[0-9:.]+Z info x+"));
  }
  EXPECT_EQ(count, 400u);
}

// As text it is escaped() in quotes; as JSON it is the value.
TEST_F(LogTest, AnAuditLineIsFieldsAndNeedsNoLevel) {
  const auto line = [this](log::Format format) {
    log::configure(log::Level::off, format);
    return logged([] {
      log::AuditLine audit;
      audit.text("a", "\"\\\n\x7f\u202e\u2028\xff-").texts("b", {"x", "y"}).texts("c", {});
      audit.number("d", 7).text("e", "12345678", 4).write();
    });
  };
  EXPECT_THAT(
      line(log::Format::text),
      EndsWith(R"(Z audit a="\"\\\x0a\x7f\xe2\x80\xae\xe2\x80\xa8\xff-" b=["x","y"] c=[] d=7 )"
               "e=\"1234...\"\n"));
  const auto json = nlohmann::json::parse(line(log::Format::json));
  EXPECT_EQ(json["level"], "audit");
  EXPECT_EQ(json["a"], "\"\\\n\x7f\u202e\u2028\ufffd-");
  EXPECT_EQ(json["b"], nlohmann::json({"x", "y"}));
  EXPECT_EQ(json["c"], nlohmann::json::array());
  EXPECT_EQ(json["d"], 7);
  EXPECT_EQ(json["e"], "1234...");
  const std::string name(255, 'n');  // as long as a topic may be
  EXPECT_THAT(logged([&] {
                log::AuditLine().texts("a", {name, name}).write();
              }),
              HasSubstr(name + "\",\"" + name + '"'));
  log::configure(log::Level::debug, log::Format::text, false);
  EXPECT_EQ(logged([] { log::AuditLine().number("a", 1).write(); }), "");
}

TEST_F(LogTest, WhatTakesNoRoomIsMadeVisible) {
  EXPECT_EQ(log::escaped("ad\u200bm\u00adin\ufeff"), R"(ad\xe2\x80\x8bm\xc2\xadin\xef\xbb\xbf)");
  EXPECT_EQ(log::escaped("Zo\u00eb \u4e16 \U0001f600"), "Zo\u00eb \u4e16 \U0001f600");
  log::configure(log::Level::off, log::Format::json);
  const std::string line =
      logged([] { log::AuditLine().text("a", "x\u2060y\U000e0041z").write(); });
  EXPECT_THAT(line, HasSubstr(R"("x\u2060y\udb40\udc41z")"));
  EXPECT_EQ(nlohmann::json::parse(line)["a"], "x\u2060y\U000e0041z");
}

// stderr is a pipe for as long as this lives.
class PipeForStderr {
 public:
  PipeForStderr() : before_(::dup(STDERR_FILENO)) {
    EXPECT_EQ(::pipe(ends_), 0);
    ::dup2(ends_[1], STDERR_FILENO);
  }
  ~PipeForStderr() {
    ::dup2(before_, STDERR_FILENO);
    for (const int descriptor : {before_, ends_[0], ends_[1]}) ::close(descriptor);
  }
  // Until a line holds `mark`: that line.
  std::string line_with(std::string_view mark) const {
    std::string line;
    for (char byte = 0; ::read(ends_[0], &byte, 1) == 1;) {
      if (byte != '\n') {
        line += byte;
      } else if (line.find(mark) != std::string::npos) {
        return line;
      } else {
        line.clear();
      }
    }
    return {};
  }

 private:
  int before_;
  int ends_[2]{};
};

TEST_F(LogTest, AThreadWritesWhatWaitsBeforeItEnds) {
  log::configure(log::Level::info, log::Format::text);
  const std::string text = logged([] {
    const log::Thread thread;
    for (int i = 0; i < 1000; ++i) log::info("{}", i);
  });
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1000);
  EXPECT_THAT(logged([] { log::info("without it"); }), HasSubstr("info without it\n"));
  EXPECT_EQ(log::dropped(), 0u);
}

// And so the threads that have something to say go on.
TEST_F(LogTest, LinesThatNobodyReadsAreToldInTheFormatOfTheLog) {
  log::configure(log::Level::error, log::Format::json);
  PipeForStderr pipe;
  const log::Thread thread;
  while (log::dropped() == 0) log::error("{}", std::string(1000, 'x'));
  const auto line = nlohmann::json::parse(pipe.line_with("dropped"));
  EXPECT_EQ(line["level"], "warning");
  EXPECT_EQ(line["message"], "log lines dropped because nothing read them: 1");
}

TEST(EscapedTest, HarmlessTextStaysItself) {
  EXPECT_EQ(log::escaped("import:task-1 温度"), "import:task-1 温度");
}

TEST(EscapedTest, ControlsQuotesAndBackslashesAreEscaped) {
  EXPECT_EQ(log::escaped("a\nb\x1B[31m\x7F\"\\"), R"(a\x0ab\x1b[31m\x7f\"\\)");
  EXPECT_EQ(log::escaped("\xC2\x9B"), R"(\xc2\x9b)");
  EXPECT_EQ(log::escaped(std::string_view("\0", 1)), R"(\x00)");
}

TEST(EscapedTest, BytesThatAreNotUtf8AreEscaped) {
  EXPECT_EQ(log::escaped("\xFF\xC3"), R"(\xff\xc3)");
  EXPECT_EQ(log::escaped("\xED\xA0\x80"), R"(\xed\xa0\x80)");
}

TEST(EscapedTest, SignsThatTurnTheTextAroundAreEscaped) {
  for (const std::string_view sign :
       {"\u200E", "\u200F", "\u202A", "\u202E", "\u2066", "\u2069", "\u2028", "\u2029"}) {
    EXPECT_EQ(log::escaped(sign).substr(0, 2), "\\x") << sign;
  }
}

TEST(EscapedTest, LongTextIsCut) {
  const std::string cut = log::escaped(std::string(1000, 'x'), 10);
  EXPECT_EQ(cut, "xxxxxxxxxx...");
  EXPECT_EQ(log::escaped("xxxxxxxxxx", 10), "xxxxxxxxxx");
  EXPECT_LE(log::escaped(std::string(1000, '\n'), 64).size(), 64u + 4u + 3u);
}

TEST(EscapedTest, WhateverComesInOnlyPlainTextComesOut) {
  std::uint32_t random = 1;
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (int i = 0; i < 20; ++i) {
      random = random * 1'664'525u + 1'013'904'223u;
      text += static_cast<char>(random >> 24);
    }
    const std::string out = log::escaped(text, 1000);
    EXPECT_TRUE(is_utf8(out) && !has_control(out));
  }
}

class QuietTest : public testing::Test {
 protected:
  bool passes_at(std::chrono::milliseconds time) { return quiet_.pass(suppressed_, start_ + time); }

  const SteadyTime start_{std::chrono::hours(1)};
  log::Quiet quiet_;
  std::uint64_t suppressed_ = 0;
};

TEST_F(QuietTest, OneLineASecondPasses) {
  using std::chrono::milliseconds;
  EXPECT_TRUE(passes_at(milliseconds(0)));
  EXPECT_FALSE(passes_at(milliseconds(0)));
  EXPECT_FALSE(passes_at(milliseconds(999)));
  EXPECT_TRUE(passes_at(milliseconds(1000)));
}

TEST_F(QuietTest, LineThatPassesKnowsHowManyDidNot) {
  using std::chrono::milliseconds;
  EXPECT_TRUE(passes_at(milliseconds(0)));
  EXPECT_EQ(suppressed_, 0u);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(passes_at(milliseconds(i)));
  EXPECT_TRUE(passes_at(milliseconds(1500)));
  EXPECT_EQ(suppressed_, 5u);
  EXPECT_TRUE(passes_at(milliseconds(3000)));
  EXPECT_EQ(suppressed_, 0u);
}

TEST_F(QuietTest, ThreadsLetOneLineThrough) {
  std::atomic<int> passed{0};
  const auto knock = [&] {
    for (int i = 0; i < 1000; ++i) {
      std::uint64_t suppressed = 0;
      if (quiet_.pass(suppressed, start_)) ++passed;
    }
  };
  std::thread other(knock);
  knock();
  other.join();
  EXPECT_EQ(passed, 1);
  EXPECT_TRUE(passes_at(std::chrono::milliseconds(1000)));
  EXPECT_EQ(suppressed_, 1999u);
}

TEST(MoreTest, SaysHowManyLinesWereLeftOut) {
  EXPECT_EQ(log::more(0), "");
  EXPECT_EQ(log::more(3), " (3 more like this)");
}

}  // namespace
}  // namespace zws
