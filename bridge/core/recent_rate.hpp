// RecentRate: how often something happens a second, over about the last ten.
//
// It counts in windows of ten seconds, the one that runs and the one before; of that as much counts as
// lies within the last ten seconds, as if it had been spread evenly.
//
// Thread: its owner's. Memory: 12 bytes. Cost of note(): a few nanoseconds.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "core/clock.hpp"

namespace zws {

class RecentRate {
 public:
  // `count` times at `when`; what comes late counts in the window that runs.
  void note(SteadyTime when, std::size_t count = 1) noexcept {
    const std::uint32_t window = window_of(when);
    if (window > window_) {
      before_ = window == window_ + 1 ? now_ : 0;
      now_ = 0;
      window_ = window;
    }
    now_ += static_cast<std::uint32_t>(count);
  }

  double per_second(SteadyTime now) const noexcept {
    constexpr std::chrono::duration<double> whole = length;
    const std::uint32_t window = std::max(window_of(now), window_);
    const double passed = (now.time_since_epoch() - length * window) / whole;
    const double left = 1 - std::clamp(passed, 0.0, 1.0);
    if (window == window_) return (before_ * left + now_) / whole.count();
    return window == window_ + 1 ? now_ * left / whole.count() : 0;
  }

 private:
  static constexpr std::chrono::seconds length{10};

  static std::uint32_t window_of(SteadyTime time) noexcept {
    return static_cast<std::uint32_t>(time.time_since_epoch() / length);
  }

  std::uint32_t window_ = 0;
  std::uint32_t before_ = 0;
  std::uint32_t now_ = 0;
};

}  // namespace zws
