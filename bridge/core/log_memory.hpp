// LogMemory: the newest lines of the log, and apart from these the newest of the audit, for who cannot read stderr.
//
// Thread: any; a mutex for as long as pointers are moved, never while a line is made or read.
// Lifetime: the program's, for lines come to its very end.
// Bound: of each kind `lines_max` lines of some `line_bytes_max` bytes, some 400 KiB together. Neither kind
// pushes out the other.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/log.hpp"

namespace zws::log {

struct KeptLine {
  std::string time;
  std::string level;  // "audit" for those
  std::string text;  // valid UTF-8 without control characters, and *** for what looks like a secret
};
using KeptLinePtr = std::shared_ptr<const KeptLine>;

class LogMemory {
 public:
  static constexpr std::size_t lines_max = 200;
  static constexpr std::size_t line_bytes_max = 1000;

  void keep(KeptLinePtr line) noexcept;

  // At most `limit`, the oldest first.
  std::vector<KeptLinePtr> newest(std::size_t limit) const;

  // How many ever came.
  std::size_t count() const;

 private:
  mutable std::mutex mutex_;
  std::array<KeptLinePtr, lines_max> ring_;
  std::size_t count_ = 0;
};

// What write() and AuditLine wrote.
LogMemory& newest_lines() noexcept;
LogMemory& newest_audit() noexcept;

}  // namespace zws::log
