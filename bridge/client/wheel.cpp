#include "client/wheel.hpp"

namespace zws {

void Wheel::Timer::cancel() noexcept {
  if (link_ == nullptr) return;
  *link_ = next_;
  if (next_ != nullptr) next_->link_ = link_;
  link_ = nullptr;
  next_ = nullptr;
}

void Wheel::link(Timer& timer, Timer*& head) noexcept {
  timer.next_ = head;
  if (head != nullptr) head->link_ = &timer.next_;
  head = &timer;
  timer.link_ = &head;
}

void Wheel::arm(Timer& timer, SteadyTime deadline) noexcept {
  timer.cancel();
  timer.deadline_ = deadline;
  std::int64_t at = index(deadline) + 1;  // the first tick that is not before the deadline
  if (at <= hand_) at = hand_ + 1;
  link(timer, slots_[static_cast<std::size_t>(at) % slots]);
}

void Wheel::advance(SteadyTime now) noexcept {
  const std::int64_t target = index(now);
  // After a long sleep one turn meets every slot.
  if (target - hand_ > static_cast<std::int64_t>(slots))
    hand_ = target - static_cast<std::int64_t>(slots);
  while (hand_ < target) {
    ++hand_;
    // The slot's list is taken off first: what is armed while it fires belongs to a later tick.
    Timer* due = nullptr;
    Timer*& head = slots_[static_cast<std::size_t>(hand_) % slots];
    due = head;
    head = nullptr;
    if (due != nullptr) due->link_ = &due;
    while (due != nullptr) {
      Timer& timer = *due;
      timer.cancel();
      if (timer.deadline_ <= now) {
        timer.on_timer(now);
      } else {
        arm(timer, timer.deadline_);
      }
    }
  }
}

}  // namespace zws
