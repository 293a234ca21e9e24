#include "core/clock.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace zws {
namespace {

constexpr std::int64_t ns_per_ms = 1'000'000;
constexpr std::int64_t ms_per_s = 1000;

}  // namespace

const Clock& Clock::real() noexcept {
  static const Clock clock;
  return clock;
}

std::string rfc3339_ns(std::int64_t unix_ns) {
  return rfc3339_ms(unix_ns / ns_per_ms - (unix_ns % ns_per_ms < 0 ? 1 : 0));
}

std::string rfc3339_ms(std::int64_t ms) {
  const std::int64_t seconds = ms / ms_per_s - (ms % ms_per_s < 0 ? 1 : 0);
  const auto fraction = static_cast<int>(ms - seconds * ms_per_s);
  const std::time_t whole = static_cast<std::time_t>(seconds);
  std::tm parts{};
  gmtime_r(&whole, &parts);
  char text[40];
  const int size = std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                                 parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                                 parts.tm_hour, parts.tm_min, parts.tm_sec, fraction);
  return std::string(text, static_cast<std::size_t>(size));
}

std::string rfc3339(WallTime time) {
  return rfc3339_ns(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

}  // namespace zws
