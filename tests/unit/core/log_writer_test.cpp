// The log's own thread: whoever has a line waits for nobody, and what is lost by that is counted and told.
#include "core/log_writer.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <sstream>
#include <vector>

namespace zws {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::Each;
using testing::ElementsAre;
using testing::SizeIs;

constexpr milliseconds patience{30'000};  // only a failing test waits so long

std::string tell(std::uint64_t dropped) { return "dropped " + std::to_string(dropped) + '\n'; }

// Line `number`, of 100 bytes.
std::string numbered(std::size_t number) {
  std::string line = std::to_string(number) + ' ';
  line.resize(99, 'x');
  return line + '\n';
}

class LogWriterTest : public testing::Test {
 protected:
  LogWriterTest() {
    ::signal(SIGPIPE, SIG_IGN);
    EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC), 0);
    EXPECT_GT(::fcntl(ends_[1], F_SETPIPE_SZ, 4096), 0);
  }
  ~LogWriterTest() override {
    writer_.reset();
    for (const int end : ends_) ::close(end);
  }

  LogWriter& writer(std::size_t bytes, milliseconds finish = milliseconds(20)) {
    writer_.emplace(ends_[1], tell, bytes, finish);
    return *writer_;
  }

  // What comes out of the pipe until a line is `last`, it included; without it, until nobody can write any more.
  std::vector<std::string> read_to(std::string_view last = {}) {
    std::vector<std::string> lines;
    for (std::string line; lines.empty() || last.empty() || lines.back() != last;) {
      char byte = 0;
      if (::read(ends_[0], &byte, 1) != 1) break;
      if (byte != '\n') {
        line += byte;
        continue;
      }
      lines.push_back(std::move(line));
      line.clear();
    }
    return lines;
  }

  // The rest of the log, once the writer has ended.
  std::vector<std::string> read_to_the_end() {
    std::thread ending([this] {
      writer_.reset();
      ::close(std::exchange(ends_[1], -1));
    });
    const auto lines = read_to();
    ending.join();
    return lines;
  }

  std::array<int, 2> ends_{-1, -1};
  std::optional<LogWriter> writer_;
};

TEST_F(LogWriterTest, LinesComeOutWholeAndInOrder) {
  LogWriter& out = writer(1 << 20, patience);
  for (std::size_t i = 0; i < 1000; ++i) out.put(numbered(i));
  const auto lines = read_to_the_end();
  ASSERT_THAT(lines, SizeIs(1000));
  for (std::size_t i = 0; i < 1000; ++i) EXPECT_EQ(lines[i] + '\n', numbered(i));
}

TEST_F(LogWriterTest, ThreadsDoNotMixTheirLines) {
  LogWriter& out = writer(1 << 20, patience);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (std::size_t n = 0; n < 250; ++n) out.put(numbered(n));
    });
  for (std::thread& thread : threads) thread.join();
  const auto lines = read_to_the_end();
  EXPECT_THAT(lines, SizeIs(1000));
  EXPECT_THAT(lines, Each(SizeIs(99)));
}

TEST_F(LogWriterTest, ALineLongerThanAPipeTakesAtOnceComesOutWhole) {
  LogWriter& out = writer(1 << 20, patience);
  const std::string line(50'000, 'y');
  out.put(line + '\n');
  out.put("next\n");
  EXPECT_THAT(read_to_the_end(), ElementsAre(line, "next"));
}

// Each line is there, or among those that are told where they are missing.
TEST_F(LogWriterTest, WhatFindsNoRoomIsDroppedCountedAndTold) {
  LogWriter& out = writer(10'000, patience);
  std::size_t put = 0;
  while (out.dropped() == 0) out.put(numbered(put++));
  const std::size_t kept = put - 1;
  for (int i = 0; i < 500; ++i) out.put(numbered(put++));  // the newest go
  EXPECT_EQ(out.dropped(), 501u);

  auto lines = read_to("dropped 501");
  ASSERT_THAT(lines, SizeIs(kept + 1));
  for (std::size_t i = 0; i < kept; ++i) EXPECT_EQ(lines[i] + '\n', numbered(i));
  out.put("after\n");
  EXPECT_THAT(read_to("after"), ElementsAre("after"));
  EXPECT_EQ(out.dropped(), 501u);
}

TEST_F(LogWriterTest, NoMoreWaitsThanTheBound) {
  LogWriter& out = writer(10'000, patience);
  std::size_t put = 0;
  while (out.dropped() == 0) out.put(numbered(put++));
  // 10,000 that wait, and what the pipe holds.
  EXPECT_LE(read_to("dropped 1").size(), 1 + (10'000u + 4096u) / 100);
}

TEST_F(LogWriterTest, TheDescriptorStaysOneThatWaits) {
  LogWriter& out = writer(10'000);
  while (out.dropped() == 0) out.put(numbered(0));
  EXPECT_EQ(::fcntl(ends_[1], F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(LogWriterTest, ItsEndWaitsForNobodyLongerThanSaid) {
  LogWriter& out = writer(10'000, milliseconds(20));
  while (out.dropped() == 0) out.put(numbered(0));
  const auto begun = steady_clock::now();
  writer_.reset();
  EXPECT_LT(steady_clock::now() - begun, seconds(10));
}

TEST_F(LogWriterTest, LinesThatNobodyCanReadAnyMoreAreCounted) {
  LogWriter& out = writer(10'000, patience);
  ::close(std::exchange(ends_[0], -1));
  out.put("a\n");
  out.put("b\n");
  const auto until = steady_clock::now() + patience;
  while (out.dropped() < 2 && steady_clock::now() < until) std::this_thread::yield();
  EXPECT_EQ(out.dropped(), 2u);
  writer_.reset();  // there is nothing to wait for
  EXPECT_LT(steady_clock::now(), until);
}

TEST_F(LogWriterTest, WhatWasRefusedIsToldWhenThatIsOver) {
  LogWriter& out = writer(10'000, patience);
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  const int pipe = ::fcntl(ends_[1], F_DUPFD_CLOEXEC, 0);
  ASSERT_GE(::dup3(full, ends_[1], O_CLOEXEC), 0);
  out.put("lost\n");
  const auto until = steady_clock::now() + patience;
  while (out.dropped() < 1 && steady_clock::now() < until) std::this_thread::yield();
  ASSERT_GE(::dup3(pipe, ends_[1], O_CLOEXEC), 0);
  out.put("there\n");
  EXPECT_THAT(read_to("dropped 1"), ElementsAre("there", "dropped 1"));
  EXPECT_EQ(out.dropped(), 1u);
  ::close(full);
  ::close(pipe);
}

TEST_F(LogWriterTest, WriteWithinSaysWhetherAllWasTaken) {
  EXPECT_TRUE(write_within(ends_[1], "a\n", patience));
  EXPECT_FALSE(write_within(ends_[1], std::string(100'000, 'x'), milliseconds(20)));
  EXPECT_EQ(read_to("a").size(), 1u);
  ::close(std::exchange(ends_[0], -1));
  EXPECT_FALSE(write_within(ends_[1], "a\n", patience));
}

}  // namespace
}  // namespace zws
