// Wheel, a timer wheel: one coarse timer for each of many connections, on one shared clock hand.
//
// Thread: its lane only. Lifetime: a timer takes itself off when it dies. Cost: arm, cancel and fire
// are O(1); a deadline beyond one turn of the wheel is passed over once a turn.
// Precision: fires at the first tick at or after its deadline, never before.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

#include "core/clock.hpp"

namespace zws {

class Wheel {
 public:
  static constexpr std::chrono::milliseconds tick{100};

  class Timer {
   public:
    Timer() = default;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    virtual ~Timer() { cancel(); }

    virtual void on_timer(SteadyTime now) noexcept = 0;

    void cancel() noexcept;

   private:
    friend class Wheel;
    Timer** link_ = nullptr;  // the pointer that points here
    Timer* next_ = nullptr;
    SteadyTime deadline_{};
  };

  explicit Wheel(SteadyTime now) : hand_(index(now)) {}

  // Arms the timer, or moves it.
  void arm(Timer& timer, SteadyTime deadline) noexcept;

  // Fires what is due. A timer that fires is no longer armed and may arm itself again.
  void advance(SteadyTime now) noexcept;

 private:
  static constexpr std::size_t slots = 512;

  static std::int64_t index(SteadyTime time) noexcept {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()) / tick;
  }
  void link(Timer& timer, Timer*& head) noexcept;

  std::array<Timer*, slots> slots_{};
  std::int64_t hand_;  // the last tick that was fired
};

}  // namespace zws
