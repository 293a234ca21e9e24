#include "bench/process.hpp"

#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "failure.hpp"

namespace zws::tool {
namespace {

std::string folder_of(pid_t pid) { return "/proc/" + std::to_string(pid); }

std::string content_of(const std::string& path, pid_t pid) {
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (text.empty()) {
    throw Failure(Exit::failed, "--pid " + std::to_string(pid) + ": " + path + " cannot be read");
  }
  return text;
}

// utime and stime: the 14th and 15th field of stat, counted behind the name in parentheses.
void add_ticks(pid_t pid, CpuUsage& usage) {
  const std::string stat = content_of(folder_of(pid) + "/stat", pid);
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  const double tick_us = 1e6 / static_cast<double>(::sysconf(_SC_CLK_TCK));
  usage.user_us += user * tick_us;
  usage.system_us += system * tick_us;
}

// The scheduler's nanoseconds of all threads; 0 where the kernel does not keep them.
double run_time_us(pid_t pid) {
  double sum_ns = 0;
  std::error_code gone;  // a thread may end while its folder is read
  for (const auto& task : std::filesystem::directory_iterator(folder_of(pid) + "/task", gone)) {
    std::ifstream file(task.path() / "schedstat");
    double run_ns = 0;
    if (file >> run_ns) sum_ns += run_ns;
  }
  return sum_ns / 1000;
}

std::uint64_t kilobytes_after(const std::string& text, const std::string& name) {
  const std::size_t at = text.find("\n" + name);
  if (at == std::string::npos) return 0;
  return std::stoull(text.substr(at + 1 + name.size())) * 1024;
}

}  // namespace

CpuUsage CpuUsage::of(const std::vector<pid_t>& pids) {
  CpuUsage usage;
  double run_us = 0;
  for (const pid_t pid : pids) {
    add_ticks(pid, usage);
    run_us += run_time_us(pid);
  }
  usage.total_us = run_us > 0 ? run_us : usage.user_us + usage.system_us;
  return usage;
}

double CpuUsage::own_us() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

MemoryUsage MemoryUsage::of(const std::vector<pid_t>& pids) {
  MemoryUsage usage;
  for (const pid_t pid : pids) {
    const std::string rollup = content_of(folder_of(pid) + "/smaps_rollup", pid);
    usage.resident_bytes += kilobytes_after(rollup, "Rss:");
    usage.proportional_bytes += kilobytes_after(rollup, "Pss:");
  }
  return usage;
}

}  // namespace zws::tool
