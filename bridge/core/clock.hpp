// Clock: where time enters. Tests move a fake one and never sleep.
//
// Thread: any. Steady time decides ages and deadlines; wall time is only ever shown or compared with
// a token's claims.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace zws {

using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyTime steady() const noexcept { return std::chrono::steady_clock::now(); }
  virtual WallTime wall() const noexcept { return std::chrono::system_clock::now(); }

  // The machine's own clock; lives as long as the program.
  static const Clock& real() noexcept;
};

// RFC 3339 in UTC with milliseconds: 2026-11-22T15:07:35.120Z.
std::string rfc3339(WallTime time);

// The same from Unix time in nanoseconds; times outside the years 0 to 9999 are held at those ends.
std::string rfc3339_ns(std::int64_t unix_ns);

// The same from Unix time in milliseconds, for times that nanoseconds cannot hold (after 2262).
std::string rfc3339_ms(std::int64_t unix_ms);

}  // namespace zws
