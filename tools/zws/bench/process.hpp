// ProcessUsage: what processes have used of CPU and memory, read from /proc.
//
// Thread: any. Throws Failure (failed) when a process is gone or may not be read.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace zws::tool {

// Summed over the processes and all their threads.
struct CpuUsage {
  double total_us = 0;  // the scheduler's run time where the kernel keeps it, else utime + stime
  double user_us = 0;   // by the kernel's tick: rough below a second
  double system_us = 0;

  static CpuUsage of(const std::vector<pid_t>& pids);
  // Of this process, threads included, in microseconds.
  static double own_us() noexcept;
};

struct MemoryUsage {
  std::uint64_t resident_bytes = 0;
  std::uint64_t proportional_bytes = 0;  // shared pages divided among those who share them

  static MemoryUsage of(const std::vector<pid_t>& pids);
};

}  // namespace zws::tool
