#include "early.hpp"

#include <algorithm>

namespace zws {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t bytes_max = 16 * 1024 * 1024;
// For ever, and adding it to the clock overflows nothing.
constexpr std::chrono::milliseconds longest = std::chrono::hours(24 * 365);

}  // namespace

Early::Early(std::chrono::milliseconds patience, std::size_t events_max) noexcept
    : patience_(std::min(patience, longest)), events_max_(events_max) {}

bool Early::take(std::string_view topic, std::string_view payload, std::string_view header) {
  const std::size_t size = topic.size() + payload.size() + header.size();
  if (patience_.count() <= 0 || events_.size() >= events_max_ || size > bytes_max - bytes_)
    return false;
  if (events_.empty()) until_ = Clock::now() + patience_;
  events_.push_back({std::string(topic), std::string(payload), std::string(header)});
  bytes_ += size;
  return true;
}

bool Early::is_over() const noexcept { return !events_.empty() && Clock::now() >= until_; }

}  // namespace zws
