// How near the process is to its memory, who must go then, and whose limit it is.
#include "lane/memory_guard.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "support/folder.hpp"

namespace zws {
namespace {

using Level = MemoryGuard::Level;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(MemoryGuardTest, LevelsBeginAt85And95Percent) {
  std::size_t bytes = 0;
  MemoryGuard guard([&] { return bytes; });
  guard.set_limit(1000);
  const auto at = [&](std::size_t now) {
    bytes = now;
    return guard.look();
  };
  EXPECT_EQ(at(849), Level::good);
  EXPECT_EQ(at(850), Level::tight);
  EXPECT_EQ(at(949), Level::tight);
  EXPECT_EQ(at(950), Level::critical);
  EXPECT_EQ(guard.percent(), 95U);
  EXPECT_EQ(guard.excess(), 50U) << "down to 90 %";
  EXPECT_EQ(at(5000), Level::critical);
  EXPECT_EQ(at(0), Level::good);
  EXPECT_EQ(guard.excess(), 0U);
}

TEST(MemoryGuardTest, WithoutALimitNothingIsAsked) {
  MemoryGuard guard([]() -> std::size_t { throw std::runtime_error("asked"); });
  EXPECT_EQ(guard.look(), Level::good);
}

TEST(MemoryGuardTest, ThoseGoThatHoldMostAndNoMoreThanNeeded) {
  constexpr std::size_t kib = 1024;
  const std::vector<MemoryHolder> all{
      {40 * kib, 0, 1}, {500 * kib, 1, 2}, {0, 0, 3}, {300 * kib, 0, 4}};
  const auto tickets = [&](std::size_t excess) {
    std::vector<std::uint64_t> found;
    for (const MemoryHolder& holder : who_must_go(all, excess)) found.push_back(holder.ticket);
    return found;
  };
  EXPECT_THAT(tickets(0), ElementsAre(2));
  EXPECT_THAT(tickets(500 * kib), ElementsAre(2));
  EXPECT_THAT(tickets(501 * kib), ElementsAre(2, 4));
  EXPECT_THAT(tickets(100'000 * kib), ElementsAre(2, 4)) << "who holds little beside them stays";
  EXPECT_THAT(who_must_go({}, 100), IsEmpty());
}

TEST(MemoryGuardTest, ThoseThatHoldLittleAreSparedOnlyWhereTheyHoldLittleTogether) {
  constexpr std::size_t kib = 1024;
  const auto all = [](std::size_t count, std::size_t bytes) {
    return std::vector<MemoryHolder>(count, MemoryHolder{bytes, 0, 1});
  };
  EXPECT_THAT(who_must_go(all(1000, 10 * kib), 5000 * kib), testing::SizeIs(500));
  EXPECT_THAT(who_must_go(all(1000, 10 * kib), 640'000 * kib), testing::SizeIs(1000));
  EXPECT_THAT(who_must_go(all(1000, 10 * kib), 641'000 * kib), IsEmpty())
      << "what fills the memory is elsewhere";
  EXPECT_THAT(who_must_go({{16 * kib, 0, 1}, {16 * kib - 1, 0, 2}}, 641'000 * kib),
              testing::SizeIs(1))
      << "and who holds 16 KiB is one of those that hold most";
}

class CgroupTest : public testing::Test {
 protected:
  void file(const std::string& path, const std::string& text) {
    const std::string whole = folder_.path().string() + path;
    std::filesystem::create_directories(std::filesystem::path(whole).parent_path());
    std::ofstream(whole) << text;
  }
  std::size_t limit() const { return cgroup_memory_limit(folder_.path().string()); }

  Folder folder_;
};

TEST_F(CgroupTest, NoneWhereNothingIsSaid) {
  EXPECT_EQ(limit(), 0U);
  file("/proc/self/cgroup", "0::/a\nnonsense\n");
  EXPECT_EQ(limit(), 0U);
  file("/sys/fs/cgroup/a/memory.max", "max\n");
  EXPECT_EQ(limit(), 0U);
}

TEST_F(CgroupTest, TheLeastOnTheWayUpCounts) {
  file("/proc/self/cgroup", "0::/system.slice/zwsbridge.service\n");
  file("/sys/fs/cgroup/system.slice/zwsbridge.service/memory.max", "500\n");
  EXPECT_EQ(limit(), 500U);
  file("/sys/fs/cgroup/system.slice/memory.max", "400\n");
  EXPECT_EQ(limit(), 400U);
}

TEST_F(CgroupTest, AContainersRootIsFoundThoughItsPathIsTheHosts) {
  file("/proc/self/cgroup", "0::/docker/0123abcd\n");
  file("/sys/fs/cgroup/memory.max", "300\n");
  EXPECT_EQ(limit(), 300U);
}

TEST_F(CgroupTest, VersionOneHasAFolderOfItsOwn) {
  file("/proc/self/cgroup", "9:cpu,cpuacct:/a\n7:hugetlb,memory:/a\n0::/a\n");
  file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(limit(), 0U) << "that is its way to say none";
  file("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "200\n");
  EXPECT_EQ(limit(), 200U);
}

TEST_F(CgroupTest, WhereBothVersionsSaySomethingTheLeastCounts) {
  file("/proc/self/cgroup", "7:memory:/a\n0::/a\n");
  file("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "200\n");
  file("/sys/fs/cgroup/a/memory.max", "500\n");
  EXPECT_EQ(limit(), 200U);
  file("/sys/fs/cgroup/a/memory.max", "100\n");
  EXPECT_EQ(limit(), 100U);
}

TEST(ResidentBytesTest, AreThoseOfThisProcess) { EXPECT_GT(resident_bytes(), 100'000U); }

}  // namespace
}  // namespace zws
