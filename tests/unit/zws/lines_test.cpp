#include "lines.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <thread>

#include "failure.hpp"

namespace zws::tool {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  std::thread writer([&] {
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t written = write(ends[1], text.data() + at, text.size() - at);
      if (written <= 0) break;
      at += static_cast<std::size_t>(written);
    }
    close(ends[1]);
  });
  std::vector<std::string> seen;
  Lines lines(ends[0]);
  while (auto line = lines.next()) seen.push_back(*std::move(line));
  EXPECT_FALSE(lines.next()) << "the end stays the end";
  writer.join();
  close(ends[0]);
  return seen;
}

TEST(LinesTest, LinesComeWithoutTheirNewlines) {
  EXPECT_THAT(lines_of(""), testing::IsEmpty());
  EXPECT_THAT(lines_of("a\n\nb\n"), testing::ElementsAre("a", "", "b"));
  EXPECT_THAT(lines_of("a\nlast"), testing::ElementsAre("a", "last"));
  EXPECT_THAT(lines_of("\n"), testing::ElementsAre(""));
}

TEST(LinesTest, LinesLongerThanAReadAreWhole) {
  const std::string large(300'000, 'x');
  EXPECT_THAT(lines_of(large + "\nb\n" + large), testing::ElementsAre(large, "b", large));
}

TEST(LinesTest, ALineWithoutEndIsAFailureInsteadOfAllMemory) {
  const int zero = open("/dev/zero", O_RDONLY);
  Lines lines(zero);
  EXPECT_THROW(lines.next(), Failure);
  close(zero);
}

}  // namespace
}  // namespace zws::tool
