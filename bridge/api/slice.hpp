// Slice: how long a call may keep a lane from its other work at once.
//
// Thread: a value, of the lane that works.
#pragma once

#include "core/clock.hpp"

namespace zws {

class Slice {
 public:
  explicit Slice(const Clock& clock = Clock::real()) : clock_(clock) {}

  SteadyTime began() const noexcept { return began_; }

  // Whether the time is over; asked before each piece of work, of which there is one at least. The clock is
  // looked at before every eighth: a piece takes some microseconds.
  bool over() noexcept { return pieces_++ % 8 == 7 && clock_.steady() - began_ > length; }

 private:
  static constexpr std::chrono::milliseconds length{1};

  const Clock& clock_;
  const SteadyTime began_ = clock_.steady();
  unsigned pieces_ = 0;
};

}  // namespace zws
