// How much a test draws by chance or repeats by the thousand. A sanitizer looks for other faults than
// a model does, and is ten times as slow: it gets a tenth.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace zws {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

constexpr std::uint64_t fewer_if_sanitized(std::uint64_t count) {
  return sanitized ? count / 10 : count;
}

// So many schedules of a model, or as many as ZWS_SCHEDULES=N says.
inline std::uint64_t schedules(std::uint64_t by_default) {
  const char* wanted = std::getenv("ZWS_SCHEDULES");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : fewer_if_sanitized(by_default);
}

}  // namespace zws
