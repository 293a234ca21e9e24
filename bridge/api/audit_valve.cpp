#include "api/audit_valve.hpp"

#include <utility>

#include "core/log.hpp"

namespace zws {
namespace {

constexpr std::chrono::seconds interval{1};

}  // namespace

AuditValve::~AuditValve() { write(held_back_); }

bool AuditValve::pass(std::uint64_t& held_back, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (now < next_) {
    ++held_back_;
    return false;
  }
  next_ = now + interval;
  held_back = std::exchange(held_back_, 0);
  return true;
}

// It does not close the valve: under a flood the next call would else never be shown.
void AuditValve::tell(SteadyTime now) noexcept {
  std::uint64_t held_back = 0;
  {
    const std::lock_guard lock(mutex_);
    if (now >= next_) held_back = std::exchange(held_back_, 0);
  }
  write(held_back);
}

void AuditValve::write(std::uint64_t held_back) const noexcept try {
  if (held_back == 0 || !log::audits()) return;
  log::AuditLine().text("of", whose_).number("more", held_back).write();
} catch (...) {
  // A line that cannot be written must not take the program with it.
}

}  // namespace zws
