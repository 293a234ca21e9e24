#include "lane/memory_guard.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>

namespace zws {
namespace {

constexpr std::size_t tight_percent = 85;
constexpr std::size_t critical_percent = 95;
constexpr std::size_t relieved_percent = 90;
constexpr std::size_t little = 8;  // who holds an eighth of what another does is spared beside him
// Who holds less is spared where all together hold next to nothing of what must go, and only there: what
// fills the memory is elsewhere then.
constexpr std::size_t much = std::size_t{16} * 1024;
constexpr std::size_t next_to_nothing = 64;  // one part in so many

// A number of bytes; 0 for "max", for a file that is not there, and for version 1's way to say so.
std::size_t limit_in(const std::string& file) {
  constexpr std::size_t absurd = std::size_t{1} << 60;
  std::string text;
  std::ifstream(file) >> text;
  std::size_t bytes = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  return fault == std::errc{} && end == text.data() + text.size() && bytes < absurd ? bytes : 0;
}

// The least of what is granted from `path` up to the root. A container may see itself as the root, or
// its path as the host does: then only the root is there.
std::size_t least_above(const std::string& mount, std::string path, const char* file) {
  std::size_t least = 0;
  for (;;) {
    while (!path.empty() && path.back() == '/') path.pop_back();
    const std::size_t limit = limit_in(mount + path + '/' + file);
    if (limit != 0) least = least == 0 ? limit : std::min(least, limit);
    if (path.empty()) return least;
    path.erase(path.rfind('/'));
  }
}

bool names_memory(const std::string& controllers) {
  return (',' + controllers + ',').find(",memory,") != std::string::npos;
}

}  // namespace

MemoryGuard::Level MemoryGuard::look() {
  const std::size_t most = limit();
  bytes_ = most == 0 ? 0 : reading_();
  if (most == 0) return Level::good;
  // In eighths of a percent nobody is interested, and products would not fit.
  const std::size_t step = std::max<std::size_t>(1, most / 100);
  if (bytes_ >= step * critical_percent) return Level::critical;
  return bytes_ >= step * tight_percent ? Level::tight : Level::good;
}

std::size_t MemoryGuard::percent() const noexcept {
  return bytes_ / std::max<std::size_t>(1, limit() / 100);
}

std::size_t MemoryGuard::excess() const noexcept {
  const std::size_t relieved = limit() / 100 * relieved_percent;
  return bytes_ > relieved ? bytes_ - relieved : 0;
}

std::vector<MemoryHolder> who_must_go(std::vector<MemoryHolder> all, std::size_t excess) {
  const auto less = [](const MemoryHolder& a, const MemoryHolder& b) { return a.bytes < b.bytes; };
  std::size_t together = 0;
  for (const MemoryHolder& holder : all) together += holder.bytes;
  const std::size_t least = together < excess / next_to_nothing ? much : 1;
  std::make_heap(all.begin(), all.end(), less);
  const std::size_t most = all.empty() ? 0 : all.front().bytes;
  std::vector<MemoryHolder> chosen;
  std::size_t held = 0;
  while (!all.empty() && all.front().bytes >= least && all.front().bytes >= most / little &&
         (chosen.empty() || held < excess)) {
    std::pop_heap(all.begin(), all.end(), less);
    held += all.back().bytes;
    chosen.push_back(all.back());
    all.pop_back();
  }
  return chosen;
}

std::size_t resident_bytes() noexcept {
  std::size_t total = 0;
  std::size_t pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(file, "%zu %zu", &total, &pages) != 2) pages = 0;
    std::fclose(file);
  }
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::size_t cgroup_memory_limit(const std::string& root) {
  std::ifstream groups(root + "/proc/self/cgroup");
  std::size_t least = 0;
  const auto take = [&least](std::size_t limit) {
    if (limit != 0) least = least == 0 ? limit : std::min(least, limit);
  };
  // "0::/path" is version 2, "7:cpu,memory:/path" version 1.
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) take(least_above(root + "/sys/fs/cgroup", path, "memory.max"));
    if (names_memory(controllers))
      take(least_above(root + "/sys/fs/cgroup/memory", path, "memory.limit_in_bytes"));
  }
  return least;
}

}  // namespace zws
