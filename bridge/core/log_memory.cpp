#include "core/log_memory.hpp"

#include <algorithm>
#include <utility>

namespace zws::log {

void LogMemory::keep(KeptLinePtr line) noexcept {
  const std::lock_guard lock(mutex_);
  ring_[count_++ % lines_max].swap(line);  // the oldest is let go of behind the lock
}

std::vector<KeptLinePtr> LogMemory::newest(std::size_t limit) const {
  std::vector<KeptLinePtr> found;
  found.reserve(std::min(limit, lines_max));
  const std::lock_guard lock(mutex_);
  const std::size_t size = std::min({limit, lines_max, count_});
  for (std::size_t i = count_ - size; i < count_; ++i) found.push_back(ring_[i % lines_max]);
  return found;
}

std::size_t LogMemory::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

// Never destroyed: what ends after main() may still have something to say.
LogMemory& newest_lines() noexcept {
  static LogMemory& lines = *new LogMemory;
  return lines;
}

LogMemory& newest_audit() noexcept {
  static LogMemory& lines = *new LogMemory;
  return lines;
}

}  // namespace zws::log
