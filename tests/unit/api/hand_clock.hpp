// A steady clock that a test moves.
#pragma once

#include <chrono>

#include "core/clock.hpp"

namespace zws {

class HandClock final : public Clock {
 public:
  SteadyTime steady() const noexcept override { return now_; }
  void advance(std::chrono::microseconds by) { now_ += by; }

 private:
  SteadyTime now_{std::chrono::hours(1)};
};

}  // namespace zws
