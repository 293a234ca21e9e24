// MemoryGuard: how near the process is to the memory it may have (limits.memory_bytes), so that it is
// not the kernel that decides what then goes: the whole bridge.
//
//   good       everybody is let in
//   tight      from 85 % on: new clients are refused
//   critical   from 95 % on: the clients that hold most of it are closed as well
//
// Thread: look() by one, ten times a second; set_limit() and the rest by any.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace zws {

class MemoryGuard {
 public:
  enum class Level : std::uint8_t { good, tight, critical };

  // `reading` says how many bytes the process has now.
  explicit MemoryGuard(std::function<std::size_t()> reading) : reading_(std::move(reading)) {}

  // 0 is no limit.
  void set_limit(std::size_t bytes) noexcept { limit_.store(bytes, std::memory_order_relaxed); }
  std::size_t limit() const noexcept { return limit_.load(std::memory_order_relaxed); }

  Level look();

  // As of the last look: in percent of the limit, and what must go to be at 90 %.
  std::size_t percent() const noexcept;
  std::size_t excess() const noexcept;

 private:
  const std::function<std::size_t()> reading_;
  std::atomic<std::size_t> limit_{0};
  std::size_t bytes_ = 0;
};

// A client, and what it holds: its queue, a message that has not ended or is being answered, its subscriptions.
struct MemoryHolder {
  std::size_t bytes;
  std::size_t lane;
  std::uint64_t ticket;
};

// Those that hold most, as few as hold `excess` together; at least one, if anyone holds anything. Who holds
// little beside them stays: it would help little, and what is needed may be on its way already. Nobody goes
// where nobody holds 16 KiB and all of them together less than a 64th of `excess`.
std::vector<MemoryHolder> who_must_go(std::vector<MemoryHolder> all, std::size_t excess);

// The resident memory of this process; 0 if it cannot be read.
std::size_t resident_bytes() noexcept;

// The memory that the process's cgroup, or one above it, grants (version 2, else 1); 0 for no limit.
// `root` is where /proc and /sys are.
std::size_t cgroup_memory_limit(const std::string& root = "");

}  // namespace zws
