// Pace: when the next of a row of messages is due, so that they come `rate` a second.
//
// A message that is late does not make the next ones come closer together: what a slow source did
// not send is not made up for in a burst. Thread: one.
#pragma once

#include <chrono>

#include "core/clock.hpp"

namespace zws::tool {

class Pace {
 public:
  // `rate` in messages a second; 0 is as fast as possible.
  explicit Pace(double rate)
      : gap_(rate > 0 ? std::chrono::duration_cast<std::chrono::nanoseconds>(
                            std::chrono::duration<double>(1 / rate))
                      : std::chrono::nanoseconds{0}) {}

  // The moment for the next message, given that it is `now`; the first may go at once.
  SteadyTime next(SteadyTime now) noexcept {
    const SteadyTime due = due_ > now ? due_ : now;
    due_ = due + gap_;
    return due;
  }

 private:
  std::chrono::nanoseconds gap_;
  SteadyTime due_{};
};

}  // namespace zws::tool
