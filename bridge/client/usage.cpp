#include "client/usage.hpp"

#include <algorithm>

namespace zws {

bool TokenBucket::take(SteadyTime now, double rate, double burst, double cost) noexcept {
  const std::chrono::duration<double> passed = now - last_;
  const bool unused = last_ == SteadyTime{};
  const double filled =
      unused ? burst : std::min(burst, static_cast<double>(filled_) + passed.count() * rate);
  last_ = now;
  filled_ = static_cast<float>(filled);
  if (filled < 1) return false;
  charge(cost, burst);
  return true;
}

void TokenBucket::charge(double cost, double burst) noexcept {
  filled_ = static_cast<float>(std::max(static_cast<double>(filled_) - cost, -burst));
}

void Usage::add(std::string_view name) noexcept {
  ++subscriptions;
  subscription_bytes += static_cast<std::uint32_t>(name.size());
}

void Usage::drop(std::string_view name) noexcept {
  --subscriptions;
  subscription_bytes -= static_cast<std::uint32_t>(name.size());
}

}  // namespace zws
