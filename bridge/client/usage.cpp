#include "client/usage.hpp"

#include <algorithm>

#include "client/long_request.hpp"

namespace zws {

namespace {

// A subscription that nobody else has: a place among its client's, an audience, and where lanes and
// history find that. Its name is in each.
constexpr std::size_t bytes_each = 256;
constexpr std::size_t times_its_name = 3;

}  // namespace

void TokenBucket::refill(SteadyTime now, double rate, double burst) noexcept {
  const std::chrono::duration<double> passed = now - last_;
  const bool unused = last_ == SteadyTime{};
  const double filled =
      unused ? burst : std::min(burst, static_cast<double>(filled_) + passed.count() * rate);
  last_ = now;
  filled_ = static_cast<float>(filled);
}

bool TokenBucket::take(SteadyTime now, double rate, double burst, double cost) noexcept {
  refill(now, rate, burst);
  if (filled_ < 1) return false;
  charge(cost, burst);
  return true;
}

void TokenBucket::charge(double cost, double burst) noexcept {
  filled_ = static_cast<float>(std::max(static_cast<double>(filled_) - cost, -burst));
}

std::chrono::milliseconds TokenBucket::overdraw(SteadyTime now, double rate, double burst,
                                                double cost) noexcept {
  refill(now, rate, burst);
  charge(cost, burst);
  if (filled_ >= 0) return std::chrono::milliseconds{0};
  const std::chrono::duration<double> until_room((1 - static_cast<double>(filled_)) / rate);
  return std::chrono::ceil<std::chrono::milliseconds>(until_room);
}

std::size_t Usage::held_bytes() const noexcept {
  return meter.unfinished() + (pending ? pending->bytes : 0) +
         (long_request ? long_request->request_bytes : 0) + bytes_each * subscriptions +
         times_its_name * subscription_bytes;
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
